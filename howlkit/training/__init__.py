"""Training: a run made ready, the loop over windows, and what a run leaves on disk."""
