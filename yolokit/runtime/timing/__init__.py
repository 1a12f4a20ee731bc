"""The processes in which models are timed, and what is said to them."""
