"""Suggestions: what would make a data set better, or its training."""
