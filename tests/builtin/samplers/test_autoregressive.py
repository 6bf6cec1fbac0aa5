"""What `autoregressive` draws by: the options reach the session."""

import numpy as np

from howlkit import plugins
from howlkit.builtin.samplers import Autoregressive
from howlkit.sampling.logits import SamplingParams
from tests.builtin.samplers.tiny import tiny_session


def test_all_five_parameters_reach_the_draw_for_all_fields_and_for_one():
    values = {"temperature": 0.9, "top_k": 3, "top_p": 0.8, "min_p": 0.1, "typical_p": 0.7}
    sampler = plugins.create("sampler", "autoregressive", {**values, "pitch.typical_p": 0.2})
    pitch = SamplingParams(**{**values, "typical_p": 0.2})
    assert sampler.params == SamplingParams(**values, fields={"pitch": pitch})
    made, _ = tiny_session(rows=2, notes=20)
    for _ in sampler.generate(made):
        pass
    by_hand, _ = tiny_session(rows=2, notes=20)
    while not by_hand.done.all():
        by_hand.step(sampler.params)
    assert np.array_equal(made.steps, by_hand.steps)


def test_typical_sampling_leaves_out_what_is_too_likely():
    made, _ = tiny_session(rows=4, notes=40)
    free, _ = tiny_session(rows=4, notes=40)
    for session, typical_p in ((made, 0.05), (free, 1.0)):
        for _ in Autoregressive(top_p=1.0, typical_p=typical_p).generate(session):
            pass
    assert len(np.unique(made.steps[:, 1:])) < len(np.unique(free.steps[:, 1:]))
