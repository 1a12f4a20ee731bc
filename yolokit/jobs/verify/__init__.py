"""``yolokit verify``: proof that one model is as good as another, on any engine."""
