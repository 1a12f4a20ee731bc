"""Annotations of any tool, read into one model, accounted for, and written again."""
