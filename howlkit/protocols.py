"""The contracts between the parts: a class meets one by having its methods, without a base class.

A component (an encoder, augmenter, model, sampler, constraint, source, writer or renderer) is a
frozen dataclass: its fields are its options (`-o tuple.grid=12`, the run's config.json), the first
line of its docstring is what `howlkit plugins list` prints, and the class attribute `name` is what
users type. Heavy imports belong inside methods, so that listing components stays quick.

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
    "AdvisingEncoder",
    "Augmenter",
    "Backbone",
    "BlockedWeights",
    "Constraint",
    "ExemptEncoder",
    "DerivingGrammar",
    "Encoder",
    "FittingEncoder",
    "SelectingEncoder",
    "StepMaskGrammar",
    "Grammar",
    "LogitsFunction",
    "Model",
    "Network",
    "Renderer",
    "RequiringRenderer",
    "Rule",
    "StepMask",
    "Sampler",
    "SamplingSession",
    "Source",
    "Stepper",
    "TempoEncoder",
    "TimingGrammar",
    "TunedModel",
    "Writer",
]

LogitsFunction = Callable[[Field, NDArray[np.float64], Steps], NDArray[np.float64]]
"""Changes logits before a value is drawn; `SamplingSession.step` says how it is called."""


@runtime_checkable
class Grammar(Protocol):
    """An encoder's decoder run step by step over B rows: where each stands, and what may follow."""

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): where each row stands, in beats or seconds (the schema's clock) from the start."""
        ...

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return the mask (B, field.choices) of values that `field` may have in the next step.

        `given` (B,) holds the fields decided before this one. Only rows in which the field is
        active count, and the mask allows at least one value in each of them. A field of bits is
        decided bit by bit: the mask says which bit may be switched on next, and in its last column
        whether the field may stay as it is; `given[field.name]` (B, n) holds the bits that are on.
        The core sees to it that bits come in rising order.
        """
        ...

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Take in `step` (B,) in the rows marked True; return (B,) the notes each began."""
        ...

    def select(self, rows: NDArray[np.intp]) -> Grammar:
        """Return an independent copy with these rows, in this order; a row may be repeated."""
        ...


class DerivingGrammar(Grammar, Protocol):
    """The grammar of a schema with derived fields."""

    def derived(self, field: Field) -> NDArray[np.int64]:
        """Return (B,): the value of a derived field in each row.

        The core writes it into the step that was pushed last, or into the start row.
        """
        ...


class TimingGrammar(Grammar, Protocol):
    """The grammar of an encoder with steps that set the tempo (`TempoEncoder`)."""

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (B,): the seconds at which positions in beats (B,) sound.

        A position before the last change of tempo is converted by the tempo after it.
        """
        ...


@dataclass(frozen=True)
class StepMask:
    """What a whole step may be, known before any field of it is decided.

    A step is allowed if each of its values is allowed and the step is not below `least`. Steps are
    ordered as words in a dictionary are: the first decision that differs says which is lower. This
    keeps steps at one time in rising order. A field that is not active counts as 0. A schema with
    bits has no step mask.

    allowed: (B, N), the choices of all `Schema.decisions` side by side. least: (B, K), a value for
    each decision. The caller may change both arrays.
    """

    allowed: NDArray[np.bool_]
    least: NDArray[np.int64]


class StepMaskGrammar(Grammar, Protocol):
    """A grammar that can describe the whole next step at once; only speed depends on it."""

    def step_mask(self) -> StepMask | None:
        """Return a mask that allows what `allowed` allows; None if no `StepMask` can say it."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Turns a Piece into steps and back, in numpy.

    `decode` gives the music that pushing every step through the grammar gives.
    """

    name: ClassVar[str]

    @property
    def schema(self) -> Schema:
        """The fields of a step."""
        ...

    def encode(self, piece: Piece) -> Steps:
        """Return the steps of a piece: a start row, the steps, an end row (`schema.frame`).

        An excerpt gives the steps of the whole piece from `piece.since` to before `piece.until`.
        The first row, which is input only, is then the last step before these, or the start row if
        there is none. The end row is present only if `piece.has_end`. Cut by positions on the
        encoder's grid, not by `piece.context`: then consecutive excerpts give the whole piece.
        """
        ...

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the music of any steps that the grammar allows, with or without start and end.

        like: the piece that gives the result its tempo map, metre and resolution.
        """
        ...

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> NDArray[np.int64]:
        """Return (T,): the tick in `decode(steps, like=like)` at which each step stands."""
        ...

    def grammar(self, rows: int, *, like: Piece | None = None) -> Grammar:
        """Return the grammar of B rows, each just after a start row.

        like: the piece that gives the metre, if the encoder uses one.
        """
        ...


class ExemptEncoder(Encoder, Protocol):
    """An encoder that declares laws of the contract which it cannot keep by its nature."""

    @property
    def exemptions(self) -> Mapping[str, str]:
        """The reason, in a sentence, why a law does not hold, by the name of the law.

        The names are "round trip", "excerpts give the whole" and "decode equals pushing". A weaker
        law is checked in place of each. Without "round trip", nats are reported as "at most".
        """
        ...


class TempoEncoder(Encoder, Protocol):
    """An encoder with steps that may set the tempo.

    If they do, its grammar is a `TimingGrammar`, and sampling without a prompt decodes without
    `like`, so that the music has the tempi of the steps.
    """

    @property
    def sets_tempo(self) -> bool:
        """Whether the steps set the tempo. An encoder without this attribute counts as False."""
        ...


class AdvisingEncoder(Encoder, Protocol):
    """An encoder that knows how values of its fields are best drawn."""

    @property
    def sampling_advice(self) -> Mapping[str, Mapping[str, float]]:
        """By the name of a field, options such as temperature and min_p (`SamplingParams`).

        A run keeps it, and `sample` follows it where people say nothing.
        """
        ...


class FittingEncoder(Encoder, Protocol):
    """An encoder that learns something from the music before a run begins, such as a vocabulary."""

    def fitted(self, pieces: Iterable[Piece]) -> Encoder:
        """Return the encoder to train with, given the pieces of the training part.

        The result keeps what it learnt in its options, because a run stores these. An encoder that
        has learnt already returns itself.
        """
        ...


class SelectingEncoder(FittingEncoder, Protocol):
    """A fitting encoder that may leave out some of the music, and says so."""

    def left_out(self, pieces: Iterable[Piece]) -> str:
        """Return what this encoder, fitted to `pieces`, leaves out of them, and why; "": nothing.

        It is a line for the user, which names the option that keeps it all.
        """
        ...


@runtime_checkable
class Augmenter(Protocol):
    """Changes a piece at random; it stays music and keeps its number of notes."""

    name: ClassVar[str]

    def __call__(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """Return the changed piece; all randomness comes from `rng`."""
        ...


class Backbone(Protocol):
    """A torch module that carries state from step to step: what a new model must supply."""

    width: int
    """The size of the vectors it returns."""

    def __call__(
        self, x: torch.Tensor, state: State | None, lengths: torch.Tensor | None
    ) -> tuple[torch.Tensor, State]:
        """Read x (B, T, width in) after `state`; return hidden (B, T, width) and the new state.

        state: a dict of tensors, batch first; None at the start.
        lengths: (B,) the number of steps that count in each row (0 leaves the state of that row as
            it was); None: all T. The output past a row's length may be anything.
        """
        ...


@runtime_checkable
class BlockedWeights(Protocol):
    """A backbone with weights that hold several matrices, one below the other.

    Muon (`training.optimizer`) updates each by itself. howlkit knows the gates of torch's own
    recurrent layers, and takes any other linear layer as one matrix.
    """

    @property
    def row_blocks(self) -> Mapping[str, Sequence[int]]:
        """The rows of each matrix in a weight (N, D), by the weight's name; they add up to N.

        No rows: AdamW updates this weight, as it does all that is not in a linear layer or here.
        """
        ...


class Network(Protocol):
    """What the core calls of a network; `howlkit.network.Network` makes one from a backbone."""

    def start_at(self, counts: Mapping[str, ArrayLike]) -> None:
        """Set the biases to the unigram model of these counts of values, by field name."""
        ...

    def advance(
        self, batch: Batch, state: State | None, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, State]:
        """Read `batch`, (B, T) by field name; return hidden (B, T, D) and the state."""
        ...

    def nats(self, hidden: torch.Tensor, targets: Batch) -> Batch:
        """Return by field name the cost in nats (B, T) of each target, given those before it."""
        ...

    def is_likelihood(self, field: Field) -> bool:
        """Say whether `nats` of this field is -ln of a probability and not another loss."""
        ...

    def stepper(self) -> Stepper:
        """Return an object that decides a step, one field after the other."""
        ...


class Stepper(Protocol):
    """Decides a step choice by choice, with the probabilities that `Network.nats` prices."""

    def begin(self, hidden: torch.Tensor) -> None:
        """Begin a step after hidden (B, D), the last of `Network.advance`."""
        ...

    def logits(self, field: Field) -> torch.Tensor:
        """Return unnormalised log-probabilities (B, field.choices), given all decided before.

        For a field of bits they are those of the bit that is switched on next, and in the last
        column of no further bit; columns up to the highest bit that is on may hold anything.
        """
        ...

    def decide(self, field: Field, values: torch.Tensor, active: torch.Tensor) -> None:
        """Take in values (B,) of `field`, in the rows where it is active (B,).

        For a field of bits, a value is one more bit that is on; rows without one are not active.
        """
        ...


@runtime_checkable
class Model(Protocol):
    """An architecture and its options; `build` makes the network for a schema."""

    name: ClassVar[str]

    def build(self, schema: Schema, heads: HeadOptions) -> Any:  # noqa: ANN401 - a torch module, a Network
        """Return a new network, its weights drawn by torch's global generator."""
        ...


@runtime_checkable
class TunedModel(Protocol):
    """A `Model` that says which options of training it learns best with."""

    @property
    def training_defaults(self) -> Mapping[str, object]:
        """Values for options of `training`, by name, such as {"optimizer": "muon"}.

        A new run takes them in place of the defaults, where the user gives no value. They may
        depend on the options of the model.
        """
        ...


class Rule(Protocol):
    """Judges the notes that the choices of a field would begin, end or hold, for B rows."""

    def logits(self, choices: Any, heard: Any) -> NDArray[np.float64]:  # noqa: ANN401 - see below
        """Return (B, n): what to add to the logits of each choice; 0: nothing, -inf: forbidden.

        choices: a `howlkit.note_choices.NoteChoices`. heard: a `howlkit.constraints.Heard`, what
        sounds in each row. Neither may be changed.
        """
        ...


@runtime_checkable
class Constraint(Protocol):
    """A wish about notes, such as a key or a range; `begin` makes it a rule for a session."""

    name: ClassVar[str]

    def begin(self, setting: Any) -> Rule:  # noqa: ANN401 - a howlkit.constraints.Setting
        """Return the rule; setting: the music that it is for, a `howlkit.constraints.Setting`.

        Raises HowlkitError if the constraint cannot hold for this music.
        """
        ...


class SamplingSession(Protocol):
    """What a sampler works with: B pieces being made side by side, a row each.

    `howlkit.sampling.Session` is one; its docstrings name the errors that these methods raise.
    """

    @property
    def encoder(self) -> Encoder:
        """The encoder of the trained model."""
        ...

    @property
    def limit(self) -> Any:  # noqa: ANN401 - a howlkit.sampling.Limit
        """The length of music to make in each row, a `howlkit.sampling.Limit`."""
        ...

    @property
    def rngs(self) -> list[np.random.Generator]:
        """A random generator for each row; a sampler uses no other randomness."""
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

    @property
    def cost(self) -> NDArray[np.float64]:
        """(B,): the nats of the last step under the model: temperature 1, nothing masked."""
        ...

    @property
    def drawn_cost(self) -> NDArray[np.float64]:
        """(B,): the nats of the last step under the distribution that it was drawn from."""
        ...

    def step(
        self,
        params: Any = ...,  # noqa: ANN401 - a howlkit.sampling.SamplingParams
        /,
        *,
        functions: Sequence[LogitsFunction] = ...,
    ) -> Steps:
        """Decide one step in every row that is not done, and return it (B,).

        params: a `howlkit.sampling.SamplingParams`. functions: each is called as
        f(field, logits, given) with float64 logits (B, field.choices) and the fields decided so far
        (B,), and returns the logits to use. Values that are not allowed have logits of -inf, and
        keep them; at least one that is allowed must be left above -inf.
        """
        ...

    def likeliest_steps(self, width: int) -> tuple[Steps, NDArray[np.float64]]:
        """Return the `width` likeliest next steps of each row, (B, W), and their nats (B, W).

        The likeliest come first; nothing is added. Nats are those of `cost`, infinite where there
        are fewer than W steps. A row that is done has an END of 0 nats.
        """
        ...

    def feed(self, steps: Iterable[Steps], *, made: bool = False) -> None:
        """Take in given steps, one array a row; made: count them as made, not as a prompt."""
        ...

    def prompt(self, pieces: Piece | Sequence[Piece]) -> None:
        """Encode and feed a piece, or one a row, without its end, before any other step."""
        ...

    def select(self, rows: Sequence[int] | NDArray[np.intp], *, same: bool = False) -> None:
        """Keep these rows, in this order; a row named twice continues as two rows.

        Each copy draws its own numbers; same: the numbers that its origin draws.
        """
        ...

    def fork(self, *, same: bool = False) -> SamplingSession:
        """Return an independent copy with numbers of its own; same: with those of this session."""
        ...

    def rewind_to(
        self, *, beats: ArrayLike | None = None, seconds: ArrayLike | None = None
    ) -> None:
        """Take back every step at this position or after it, counted as `beats` or `seconds`."""
        ...

    def rewind(self, lengths: int | Sequence[int] | NDArray[np.int64]) -> None:
        """Go back to these lengths (B,), counted in steps; generators are not rewound."""
        ...

    def piece(self, row: int = 0) -> Piece:
        """Return the music of one row so far."""
        ...

    def made(self, row: int = 0) -> Piece:
        """Return the music made in one row, up to the limit and without what was fed."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """Makes music with a session."""

    name: ClassVar[str]

    def generate(self, session: SamplingSession) -> Iterator[Steps]:
        """Yield the steps (B,) as they are decided, until `session.done` or earlier."""
        ...


@runtime_checkable
class Source(Protocol):
    """Reads music that is not in MIDI files: other formats, and collections by name.

    A source must pickle, because `prepare` reads in several processes.
    """

    name: ClassVar[str]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of its files, in lower case, such as (".abc",); () for none."""
        ...

    @property
    def collections(self) -> Mapping[str, Callable[[], Path]]:
        """By the name of a collection, a function that returns its file or folder.

        The function is called only when somebody asks for the collection, so it may download it.
        """
        ...

    def read(self, path: Path) -> Iterable[Piece | HowlkitError]:
        """Yield the pieces in a file, in order, and an error in place of each that cannot be read.

        Raises HowlkitError if the whole file cannot be read. The messages need not name the file.
        """
        ...


@runtime_checkable
class Writer(Protocol):
    """Writes music to files other than MIDI: sheet music, other formats."""

    name: ClassVar[str]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of its files, in lower case, such as (".musicxml",)."""
        ...

    def write(self, piece: Piece, path: Path) -> None:
        """Write a piece to a new file; its name ends in one of the suffixes.

        Raises HowlkitError if the format cannot hold this piece. The message need not name the
        file.
        """
        ...


@runtime_checkable
class Renderer(Protocol):
    """Turns music into sound."""

    name: ClassVar[str]

    def render(self, piece: Piece, rate: int) -> Iterator[NDArray[np.float32]]:
        """Yield the sound of a piece in blocks (T, 2), left and right, from tick 0 on.

        rate: samples a second. Full scale is 1. The sound lasts at least until the last note ends.
        Raises HowlkitError if it cannot play the piece.
        """
        ...


class RequiringRenderer(Renderer, Protocol):
    """A renderer that needs something beside howlkit: a program, a package or a file."""

    @property
    def missing(self) -> str:
        """What it lacks here to play with these options, and how to get that; "" if nothing."""
        ...
