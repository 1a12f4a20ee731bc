"""``yolokit runs``: the runs of training that are there, one of them, or two side by side."""
