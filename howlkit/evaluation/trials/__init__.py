"""Trials: every encoder trained with every model at equal time, measured on the same pieces.

`compare` (in compare.py) does it all; plan says what is trained, training runs it, measurement
measures it, and report, table and chart tell it.
"""
