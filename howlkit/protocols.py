"""The contracts between the parts; a plugin meets one by having its methods, no base class needed.

A component (an encoder, augmenter, model, sampler, source or writer) is a frozen dataclass: its
fields are its options (`-o tuple.grid=12`, the run's config.json), the first line of its docstring
is what `howlkit plugins list` prints, and the class attribute `name` is what users type. Heavy
imports belong inside methods, so that listing components stays quick.

Shapes: B rows (pieces or streams side by side), T steps, D width of a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.schema import Field, Schema, Steps

if TYPE_CHECKING:
    import torch

    from howlkit.head_options import HeadOptions

    Batch = dict[str, torch.Tensor]
    State = dict[str, torch.Tensor]

__all__ = [
    "Augmenter",
    "Backbone",
    "ExemptEncoder",
    "DerivingGrammar",
    "Encoder",
    "FittingEncoder",
    "StepMaskGrammar",
    "Grammar",
    "LogitsFunction",
    "Model",
    "Network",
    "StepMask",
    "Sampler",
    "SamplingSession",
    "Source",
    "Stepper",
    "TempoEncoder",
    "TimingGrammar",
    "Writer",
]

LogitsFunction = Callable[[Field, NDArray[np.float64], Steps], NDArray[np.float64]]
"""Changes logits before a value is drawn; `SamplingSession.step` says how it is called."""


@runtime_checkable
class Grammar(Protocol):
    """An encoder's decoder run step by step over B rows: what may come next, and where we stand."""

    @property
    def now(self) -> NDArray[np.float64]:
        """Where each row stands: beats or seconds (the schema's clock) from the piece's start."""
        ...

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, field.choices): what `field` may be in each row's next step.

        `given` (B,) holds the fields decided before it; only rows where the field is active count,
        and each of those has at least one value left. Of bits: which bit may be the next to be on,
        and in the last column whether no further one need be; `given[field.name]` (B, n) holds
        those that are on already, and that they come in rising order is the core's affair.
        """
        ...

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Take in `step` (B,) in the rows marked True; return how many notes each row began."""
        ...

    def select(self, rows: NDArray[np.intp]) -> Grammar:
        """Return an independent copy that holds these rows, in this order; repeats are allowed."""
        ...


class DerivingGrammar(Grammar, Protocol):
    """The grammar of a schema with derived fields."""

    def derived(self, field: Field) -> NDArray[np.int64]:
        """Return (B,): a derived field, as each row stands now.

        It goes into the row that was pushed last, or into the start row.
        """
        ...


class TimingGrammar(Grammar, Protocol):
    """The grammar of an encoder with steps that set the tempo (`TempoEncoder`)."""

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (B,): when positions in beats (B,) sound.

        Positions before the last change of tempo are taken in the tempo since then.
        """
        ...


@dataclass(frozen=True)
class StepMask:
    """What a whole step may be, said before any of it is decided.

    A step is allowed if each of its values is, and if it does not come before `least` as words in a
    dictionary do: the first decision that differs says which comes first. That is how steps at one
    time come in rising order. What is not active counts as 0.
    A field of bits has none.
    allowed: (B, N), the choices of all of `Schema.decisions` side by side. least: (B, K). Both are
    the caller's, who may change them.
    """

    allowed: NDArray[np.bool_]
    least: NDArray[np.int64]


class StepMaskGrammar(Grammar, Protocol):
    """A grammar that can say at once what it would say field by field; only speed depends on it."""

    def step_mask(self) -> StepMask | None:
        """Return what `allowed` would say of the next step; None if that cannot be put this way."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Piece to steps and back, in numpy. `decode` equals pushing every step through the grammar."""

    name: ClassVar[str]

    @property
    def schema(self) -> Schema:
        """What a step is."""
        ...

    def encode(self, piece: Piece) -> Steps:
        """Return the steps of a piece: start, one row after another, end (`schema.frame`).

        Of an excerpt, the steps are those of the whole piece that stand from `piece.since` to
        before `piece.until`, and the row before them, which is input only, is the last step that
        stands before (the start row where there is none); the end row is there only if
        `piece.has_end`. Cut by positions as they are on the encoder's grid, not by `piece.context`,
        and any excerpts side by side give the whole.
        """
        ...

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the music of any steps that the grammar allows (with or without start and end).

        like: a piece whose tempo map, metre and resolution the result takes over.
        """
        ...

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> NDArray[np.int64]:
        """Return where each step stands in `decode(steps, like=like)`, in its ticks."""
        ...

    def grammar(self, rows: int, *, like: Piece | None = None) -> Grammar:
        """Return the grammar of B rows, each just after a start row.

        like: a piece whose metre counts, where metre means anything to this encoder.
        """
        ...


class ExemptEncoder(Encoder, Protocol):
    """An encoder that by its nature cannot keep some laws of the contract, and says so."""

    @property
    def exemptions(self) -> Mapping[str, str]:
        """By the name of the law, why it does not hold, in a sentence.

        Of "round trip", "excerpts give the whole" and "decode equals pushing"; what must hold in
        their place is checked. Without "round trip" nats are given as "at most".
        """
        ...


class TempoEncoder(Encoder, Protocol):
    """An encoder with steps that set the tempo; where it does, its grammar is a `TimingGrammar`.

    Sampling without a prompt then decodes without `like`, in the tempi of the steps.
    """

    @property
    def sets_tempo(self) -> bool:
        """Whether steps set the tempo; an encoder without this attribute counts as False."""
        ...


class FittingEncoder(Encoder, Protocol):
    """An encoder that learns something from the music before a run begins, such as a vocabulary."""

    def fitted(self, pieces: Iterable[Piece]) -> Encoder:
        """Return the encoder to train with, given the pieces of the training part.

        What was learnt is among its options, since these are what a run stores; an encoder that has
        learnt already returns itself.
        """
        ...


@runtime_checkable
class Augmenter(Protocol):
    """A random change of a piece that leaves it music; the number of notes stays the same."""

    name: ClassVar[str]

    def __call__(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """Return the changed piece; all randomness comes from `rng`."""
        ...


class Backbone(Protocol):
    """A torch module that carries state from step to step; all that a new model must bring."""

    width: int
    """The size of the vectors it returns."""

    def __call__(
        self, x: torch.Tensor, state: State | None, lengths: torch.Tensor | None
    ) -> tuple[torch.Tensor, State]:
        """Take in x (B, T, width in) after `state`; return (B, T, width) and the state after it.

        state: a dict of tensors, batch first; None at the start.
        lengths: (B,) how many of the T steps count in each row (0 leaves its state as it was);
            None: all. The output past a row's length means nothing.
        """
        ...


class Network(Protocol):
    """What the core needs of a network; `network.Network` makes one of any backbone."""

    def start_at(self, counts: Mapping[str, ArrayLike]) -> None:
        """Begin at the unigram model of these counts of values by field name."""
        ...

    def advance(
        self, batch: Batch, state: State | None, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, State]:
        """Read `batch`, (B, T) by field name; return hidden (B, T, D) and the state."""
        ...

    def nats(self, hidden: torch.Tensor, targets: Batch) -> Batch:
        """Return by field name the nats (B, T) that each target costs, given those before it."""
        ...

    def is_likelihood(self, field: Field) -> bool:
        """Say whether `nats` of this field are -ln of a probability, or another loss."""
        ...

    def stepper(self) -> Stepper:
        """Return what decides steps one field after the other."""
        ...


class Stepper(Protocol):
    """Decides a step choice by choice, with the probabilities that `Network.nats` prices."""

    def begin(self, hidden: torch.Tensor) -> None:
        """Begin a step after hidden (B, D), the last of `Network.advance`."""
        ...

    def logits(self, field: Field) -> torch.Tensor:
        """Return (B, field.choices), unnormalised log-probabilities, given all decided before.

        Of bits: of which bit is the next to be on, above the last one, or of none (the last
        column); columns up to the last one that is on mean nothing.
        """
        ...

    def decide(self, field: Field, values: torch.Tensor, active: torch.Tensor) -> None:
        """Go on from `values` (B,) of `field`, in the rows where it is active (B,).

        Of bits: one more bit that is on; in rows where none is, it is not active.
        """
        ...


@runtime_checkable
class Model(Protocol):
    """An architecture and its options; `build` makes the network for a schema."""

    name: ClassVar[str]

    def build(self, schema: Schema, heads: HeadOptions) -> Any:  # noqa: ANN401 - a torch module, a Network
        """Return a new network with random weights (torch's global generator)."""
        ...


class SamplingSession(Protocol):
    """What a sampler is given: B pieces in the making, side by side, a row each.

    `howlkit.sampling.Session` is one; its docstrings say which errors these methods raise.
    """

    @property
    def encoder(self) -> Encoder:
        """The encoder of the trained model."""
        ...

    @property
    def limit(self) -> Any:  # noqa: ANN401 - a howlkit.sampling.Limit
        """How much each row is to make, a `howlkit.sampling.Limit`."""
        ...

    @property
    def rngs(self) -> list[np.random.Generator]:
        """One generator a row; all randomness of a sampler comes from them."""
        ...

    @property
    def rows(self) -> int:
        """B, the number of rows."""
        ...

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(B,): the number of steps in each row, the start row included."""
        ...

    @property
    def notes(self) -> NDArray[np.int64]:
        """(B,): the number of notes made in each row; fed notes are not counted."""
        ...

    @property
    def steps(self) -> Steps:
        """(B, T): the steps of every row; row r counts up to lengths[r]."""
        ...

    @property
    def clock(self) -> str:
        """The unit in which the encoder counts time: "beats" or "seconds"."""
        ...

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(B,): the seconds from the piece's start to each row's last onset."""
        ...

    @property
    def beats(self) -> NDArray[np.float64]:
        """(B,): the beats from the piece's start to each row's last onset."""
        ...

    @property
    def done(self) -> NDArray[np.bool_]:
        """(B,): whether a row has ended or reached the limit."""
        ...

    def step(
        self,
        params: Any = ...,  # noqa: ANN401 - a howlkit.sampling.SamplingParams
        /,
        *,
        functions: Sequence[LogitsFunction] = ...,
    ) -> Steps:
        """Decide one step in every row that is not done; return it (B,).

        params: a `howlkit.sampling.SamplingParams`. functions: each is called as
        f(field, logits, given) with float64 logits (B, field.choices) and the fields decided so far
        (B,), and returns the logits to use.
        """
        ...

    def feed(self, steps: Iterable[Steps], *, made: bool = False) -> None:
        """Take in given steps, one array a row; made: they count as made, not as a prompt."""
        ...

    def prompt(self, pieces: Sequence[Piece]) -> None:
        """Feed one piece a row, without its end."""
        ...

    def select(self, rows: Sequence[int] | NDArray[np.intp]) -> None:
        """Keep these rows, in this order; one named twice goes on as two."""
        ...

    def fork(self) -> SamplingSession:
        """Return an independent copy, generators included."""
        ...

    def rewind(self, lengths: int | Sequence[int] | NDArray[np.int64]) -> None:
        """Go back to these numbers of steps; the generators are not rewound."""
        ...

    def piece(self, row: int = 0) -> Piece:
        """Return the music of one row so far."""
        ...

    def made(self, row: int = 0) -> Piece:
        """Return the music made in one row, up to the limit and without what was fed."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """A way of making music with a session."""

    name: ClassVar[str]

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield the steps (B,) as they are decided, until `session.done`, or earlier."""
        ...


@runtime_checkable
class Source(Protocol):
    """Where music comes from that is no MIDI file: other formats, and collections by name.

    It must pickle: `prepare` reads in several processes.
    """

    name: ClassVar[str]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What the names of its files end in, in small letters, such as (".abc",); () for none."""
        ...

    @property
    def collections(self) -> Mapping[str, Callable[[], Path]]:
        """By name, what is called for the file or folder that holds the collection.

        It is called only when somebody asks for the collection, and so may download it.
        """
        ...

    def read(self, path: Path) -> Iterable[Piece | HowlkitError]:
        """Yield the pieces in a file, in order; for one that cannot be read, an error in its place.

        Raises HowlkitError if the whole file cannot be read. The messages need not name the file.
        """
        ...


@runtime_checkable
class Writer(Protocol):
    """What writes music to files that are no MIDI: sheet music, other formats."""

    name: ClassVar[str]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What the names of its files end in, in small letters, such as (".musicxml",)."""
        ...

    def write(self, piece: Piece, path: Path) -> None:
        """Write a piece to a new file, whose name ends in one of the suffixes.

        Raises HowlkitError if this piece cannot be written so. The message need not name the file.
        """
        ...
