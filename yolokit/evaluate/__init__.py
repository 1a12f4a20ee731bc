"""How good a detector is: COCO metrics over a data set, and the matching of two sets of boxes."""
