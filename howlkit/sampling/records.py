"""Records of how pieces were made: enough to make them again, without a path or a name of a file.

A record is JSON-ready and is kept in the file (music/provenance.py); docs/provenance.md has a table
of its entries. sampling/replaying makes the piece again.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.provenance import attached, removed
from howlkit.plugins.checked import unwrapped
from howlkit.protocols import Constraint, Sampler
from howlkit.sampling.identity import piece_hash
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import PARAMETERS, SamplingParams
from howlkit.sampling.runner import Runner
from howlkit.training.recipe import component_json, versions

__all__ = ["FORMAT", "Maker", "machine", "sample_record", "signed", "takes_record"]

FORMAT = 1

Record = dict[str, Any]


class Maker(Protocol):
    """What a record says of the model: a `Trained`."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Name, sha256, and components of the model, as `Trained.identity`."""

    @property
    def device(self) -> str:
        """Where its network is: "cpu", "cuda" or "mps"."""

    @property
    def runner(self) -> Runner:
        """What steps its network."""


class Span(Protocol):
    """What a record says of a part that was made anew: a `Region`."""

    @property
    def piece(self) -> Piece:
        """The whole piece, as it was."""

    @property
    def begin(self) -> int:
        """The first tick of the part."""

    @property
    def stop(self) -> int:
        """The tick after it."""

    @property
    def fresh(self) -> NDArray[np.bool_]:
        """(N,): which notes of the piece were made anew."""

    @property
    def tracks(self) -> tuple[int, ...] | None:
        """The tracks of new notes; None: all that the piece has."""

    @property
    def cut_held(self) -> bool:
        """Whether notes that sounded when the part began ended there."""

    @property
    def own_track(self) -> bool:
        """Whether new notes got a track of their own."""


def sample_record(
    made_by: Maker,
    *,
    sampler: Sampler,
    constraints: Iterable[Constraint],
    limit: Limit,
    seed: int,
    rows: int,
    prompt: Piece | None,
    prompt_seconds: float | None,
    with_prompt: bool,
    tempo: float | None,
    time_signature: Sequence[int] | None,
) -> Record:
    """Return the record of new pieces, each of which adds its "row".

    The arguments are those of `generation.begin` and `generation.music`. prompt: the whole one,
    before it was cut to `prompt_seconds`.
    """
    opening = {
        "tempo": tempo,
        "time_signature": None if time_signature is None else list(time_signature),
    }
    source: Record = {}
    if prompt is not None:
        source = {
            "sha256": piece_hash(prompt),
            "seconds": prompt_seconds,
            "left_out": not with_prompt,
        }
    return _record(
        "sample",
        made_by,
        sampler=_described("sampler", sampler),
        constraints=[_described("constraint", each) for each in constraints],
        limit=_given(dataclasses.asdict(limit)),
        opening=_given(opening),
        prompt=_given(source),
        seed=int(seed),
        rows=rows,
    )


def takes_record(
    made_by: Maker,
    region: Span,
    *,
    params: SamplingParams,
    constraints: Iterable[Constraint],
    given: str | None,
    seed: int,
    takes: int,
    candidates: int,
    quotes: bool,
) -> Record:
    """Return the record of takes of a region, each of which adds its "take".

    The arguments are those of `replacing.replacement.replace`.
    """
    start = region.piece.notes["start"]
    inside = (start >= region.begin) & (start < region.stop)
    if region.tracks is not None:
        inside &= np.isin(region.piece.notes["track"], region.tracks)
    part = {
        "begin": region.begin,
        "stop": region.stop,
        "tracks": None if region.tracks is None else list(region.tracks),
        "kept": [] if region.own_track else np.flatnonzero(inside & ~region.fresh).tolist(),
        "cut_held": region.cut_held,
        "own_track": region.own_track,
        "given": given,
    }
    return _record(
        "take",
        made_by,
        sampler={"name": "autoregressive", "options": _options_of(params)},
        constraints=[_described("constraint", each) for each in constraints],
        region=_given(part),
        prompt={"sha256": piece_hash(region.piece)},
        seed=int(seed),
        takes=takes,
        candidates=candidates,
        quotes=quotes,
    )


def signed(pieces: Iterable[Piece], record: Record | None, name: str) -> list[Piece]:
    """Return pieces that were made together, each with the record and its number, from 0.

    name: what is counted, "row" or "take". record: None leaves out any record, also of a prompt.
    """
    if record is None:
        return [removed(piece) for piece in pieces]
    return [attached(piece, {**record, name: number}) for number, piece in enumerate(pieces)]


def _record(kind: str, made_by: Maker, **parts: Any) -> Record:  # noqa: ANN401 - any JSON
    """Return a record; parts that are empty are left out."""
    distributions = {each.pop("distribution", None) for each in _components(parts)}
    stepping = made_by.runner.name
    libraries = ("numba", "llvmlite") if stepping == "compiled" else ("torch",)
    identity = dict(made_by.identity)
    brought = {*distributions, *identity.pop("distributions")} - {None, "howlkit"}
    record = {
        "format": FORMAT,
        "kind": kind,
        "versions": versions(("howlkit", "numpy", *libraries, *sorted(brought))),
        "machine": machine(),
        "model": identity,
        "stepping": stepping,
        "device": made_by.device,
    }
    return record | {name: part for name, part in parts.items() if part not in ({}, [])}


def _components(parts: Mapping[str, Any]) -> list[Record]:
    return [parts["sampler"], *parts["constraints"]]


def machine() -> str:
    """Return the system and the processor: rounding may differ between them.

    >>> len(machine().split())
    2
    """
    return f"{platform.system() or 'unknown'} {platform.machine() or 'unknown'}"


def _described(kind: str, component: Any) -> Record:  # noqa: ANN401 - any component
    """Return name and options of a component; of one that no package brings, its class too."""
    own = unwrapped(component)
    if not dataclasses.is_dataclass(own):  # made in Python, by a class without options
        cls = type(own)
        return {"name": str(own.name), "class": f"{cls.__module__}.{cls.__qualname__}"}
    found = component_json(kind, component)
    found.pop("version")
    return _given({**found, "options": _plain(found["options"])})


def _options_of(params: SamplingParams) -> Record:
    """Return parameters as the options of the sampler `autoregressive`."""
    values = {name: getattr(params, name) for name in PARAMETERS}
    for field, own in params.fields.items():
        values |= {f"{field}.{name}": getattr(own, name) for name in PARAMETERS}
    return _plain(values)


def _plain(values: Mapping[str, Any]) -> Record:
    """Return values with numbers of numpy as Python's."""
    return {n: v.item() if isinstance(v, np.generic) else v for n, v in values.items()}


def _given(values: Mapping[str, Any]) -> Record:
    return {name: value for name, value in _plain(values).items() if value is not None}
