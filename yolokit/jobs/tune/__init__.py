"""``yolokit tune``: a search for better options of a training."""
