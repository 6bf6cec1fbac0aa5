"""The draw of one field from its logits in Python: functions on logits, rules, then the draw.

Shapes: B rows, n choices of a field.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.protocols import LogitsFunction
from howlkit.sampling.logits import SamplingParams, draw, with_rules
from howlkit.sampling.logits_functions import apply
from howlkit.sampling.rule_arrays import Judged
from howlkit.schema import Field, Steps

__all__ = ["draw_field"]

Mask = NDArray[np.bool_]


def draw_field(
    field: Field,
    logits: NDArray[np.float64],
    step: Steps,
    active: Mask,
    allowed: Mask,
    uniforms: NDArray[np.float64],
    params: SamplingParams,
    functions: Sequence[LogitsFunction],
    judged: Judged | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return (B,) values of a field, drawn by its logits (B, n), and their probabilities.

    Other arguments as `Runner.sample_field`; of `judged`, `judge` is asked.
    """
    if functions:
        logits = apply(functions, field, logits, step, active=active, allowed=allowed)
    if judged is not None and judged.judge is not None:
        added = judged.judge(field, step)
        if added is not None:
            sharpness = params.of(field.name).temperature
            logits, allowed, left = with_rules(logits, allowed, added, sharpness)
            judged.left[active] *= left[active]
    return draw(logits, allowed, uniforms, params.of(field.name))
