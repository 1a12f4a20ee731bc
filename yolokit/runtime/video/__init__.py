"""Video files: their frames, upright and on one time line, and what of them is lost."""
