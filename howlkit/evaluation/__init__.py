"""Evaluation: the likelihoods of runs compared, what an encoder loses, statistics of pieces."""
