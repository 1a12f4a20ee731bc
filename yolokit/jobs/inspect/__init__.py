"""What is inside a model: its layers, what they see and cost, and the maps that they make."""
