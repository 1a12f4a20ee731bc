"""Where data sets and weights are kept, and how weights are found by name."""
