"""Training: setting a run up, the loop over windows, and the files that a run writes."""
