"""A training on several processes: one for each device, on one machine or on several."""
