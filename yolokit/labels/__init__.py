"""The model of labels: what an annotation may be, and the account of every one."""
