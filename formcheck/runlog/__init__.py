"""A log of runs: what each video said, what the runner says, and what goes together over runs."""
