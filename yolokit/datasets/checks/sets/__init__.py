"""Checks of a data set as a whole."""
