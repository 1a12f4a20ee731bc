"""The job `data convert`: data sets in, one out, and an account of every annotation."""
