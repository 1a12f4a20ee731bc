"""What the runtime does for each task, one module each."""
