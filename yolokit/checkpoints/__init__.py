"""What a file of weights is, told from its bytes: nothing in it is loaded or run."""
