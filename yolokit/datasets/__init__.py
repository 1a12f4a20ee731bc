"""A YOLO data set on disk: its data.yaml, label rows and splits, and what is checked of them."""
