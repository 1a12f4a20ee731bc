"""Annotation formats: one module or one package each; toolkit is what they share."""
