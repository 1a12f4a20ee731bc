"""How good a model is at each task, one module each."""
