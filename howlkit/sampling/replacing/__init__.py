"""A part of a piece made anew: the rest stays as it is, and what follows is taken into account.

A region says which notes are made anew (region.py). Candidates for it are drawn side by side in one
session, from what comes before and with what is kept inside (candidates.py); each is weighed by how
well the music goes on after it (joining.py), and the best get other ends (replacement.py), also
such as lead to the same music elsewhere in the piece (lead_ins.py); the best that differ from each
other are the takes (takes.py).
"""

from howlkit.sampling.replacing.region import Region
from howlkit.sampling.replacing.replacement import replace
from howlkit.sampling.replacing.takes import Take

__all__ = ["Region", "Take", "replace"]
