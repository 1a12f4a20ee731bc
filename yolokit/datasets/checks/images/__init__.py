"""Checks of each image, and of the file of its labels."""
