"""The safe mends of a data set."""
