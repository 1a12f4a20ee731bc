"""Where weights come from: one module for each scheme of addresses, see ``hub/source.py``."""
