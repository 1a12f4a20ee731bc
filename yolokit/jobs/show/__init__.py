"""``yolokit data show``: labels as they lie on their images, and what a training is fed."""
