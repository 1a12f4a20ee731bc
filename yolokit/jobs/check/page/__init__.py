"""The page of ``yolokit data check --report``."""
