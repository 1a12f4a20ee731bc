"""Image files: which they are, how large and how turned, whether they are whole."""
