"""Evaluation: runs beside each other, what an encoder loses, statistics of pieces."""
