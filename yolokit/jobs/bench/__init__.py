"""How fast a model is on this machine, with each provider, precision, thread count and batch."""
