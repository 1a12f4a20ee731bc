"""The steps of a conversion, each a stream of images; ``job.py`` chains them in their order.

map_classes, keep_sample, join_pictures (leaves out what another file has), to_task, filter_areas,
tile (leaves out what no tile shows), clip_boxes, join_pictures, assign_splits, tile, copy_images.
"""
