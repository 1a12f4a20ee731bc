"""What jobs and the engine, a process of its own, say to each other."""
