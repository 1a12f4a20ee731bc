"""COCO metrics of boxes, from arrays alone: of a training and of an evaluation alike."""
