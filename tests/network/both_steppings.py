"""What steps cost by torch and by compiled code, after the same music."""

import numpy as np

from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from tests.conftest import random_piece


def nats_by_both(network, made, model, rows):
    """Return two arrays of nats: plain, then compiled; of some steps fed, two others are priced."""
    steps = [made.encode(random_piece(seed, 60))[1:41] for seed in range(rows)]
    found = []
    for stepping in ("plain", "compiled"):
        runner = make_runner(network, made.schema, model, stepping=stepping)
        assert runner.name == stepping
        session = Session(runner, made, rows=rows, limit=Limit(notes=900, ends=False))
        nats = []
        for begin, stop in ((0, 1), (1, 20), (20, 40)):
            session.feed([table[begin:stop] for table in steps])
            for other in (3, 30):
                nexts = np.array([table[other] for table in steps])
                nats.append(runner.nats(session._at.hidden, nexts, np.ones(rows, bool)))
        found.append(np.array(nats))
    return found
