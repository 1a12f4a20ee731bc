"""Layouts of a model's boxes, one module each."""
