"""Checks of each label."""
