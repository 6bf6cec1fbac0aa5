"""The options of samplers that draw each value: a `SamplingParams`, also by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from howlkit.options import option
from howlkit.sampling.logits import SamplingParams

__all__ = ["Drawing"]


@dataclass(frozen=True)
class Drawing:
    """How values are drawn, in all fields or by field; the nucleus is 0.98 unless said."""

    temperature: float = option(1.0, "below 1 is surer, above 1 bolder", low=0.0, high=100.0)
    top_k: int = option(0, "choose among the k likeliest values; 0: all", low=0)
    top_p: float = option(0.98, "nucleus: the likeliest values that make up p", low=0.0, high=1.0)
    min_p: float = option(0.0, "at least this fraction of the likeliest", low=0.0, high=1.0)
    typical_p: float = option(
        1.0,
        "the values that make up p whose surprise is nearest to the expected",
        low=0.0,
        high=1.0,
    )
    fields: Mapping[str, SamplingParams] = option(
        nested=SamplingParams, help="by field, as in autoregressive.pitch.temperature=0.9"
    )

    @property
    def params(self) -> SamplingParams:
        """What `session.step` is given."""
        return SamplingParams(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            typical_p=self.typical_p,
            fields=self.fields,
        )
