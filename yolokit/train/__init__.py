"""Fine-tuning: options, the run folder, its record and its report; the engine does the work."""
