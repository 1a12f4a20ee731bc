"""Files: published whole, locked, recognised, of a size that memory can hold."""
