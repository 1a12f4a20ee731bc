"""What the engine does for each task: one module a task, called as the task is."""
