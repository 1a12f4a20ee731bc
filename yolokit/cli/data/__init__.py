"""The commands of ``yolokit data``, one a file."""
