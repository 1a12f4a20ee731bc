"""What an export must prove before it is published, one module each."""
