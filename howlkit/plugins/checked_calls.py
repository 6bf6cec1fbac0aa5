"""What components hand back, looked at where it comes into the core: a function for each call.

An error that passes through a plugin's code is told of by `blame`. What a plugin returns and may
not would only show itself later, somewhere in the core, as somebody else's fault; so it is a
PluginError here, which says whose it is, what came and what is needed. A look costs microseconds
and is made at every call; what would cost more in a loop is tried out once, when a session begins
(and networks in validate.py). The laws that need several calls are those of `howlkit.testing`.

Shapes: B rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import PluginError
from howlkit.music.piece import Piece
from howlkit.plugins.attribution import owner_of
from howlkit.protocols import (
    Augmenter,
    DerivingGrammar,
    Encoder,
    FittingEncoder,
    Grammar,
    Sampler,
    StepMask,
)
from howlkit.schema import MARK, Field, Schema, Steps

if TYPE_CHECKING:
    from howlkit.sampling.session import Session

__all__ = [
    "allowed",
    "augment",
    "decode",
    "encode",
    "fit",
    "generate",
    "grammar",
    "check_component",
    "push",
    "advice",
    "contract_error",
]

PLURAL = ("bools", "integers", "numbers")

LONGEST = 200  # characters of a value that are shown


def check_component(kind: str, component: Any) -> Any:  # noqa: ANN401 - of any kind
    """Return a component just made, having looked at what it says of itself."""
    if kind == "encoder" and not isinstance(component.schema, Schema):
        raise contract_error(
            component, "schema", component.schema, "a howlkit.schema.Schema", verb="is"
        )
    if kind in ("source", "writer"):
        suffixes = component.suffixes
        if not isinstance(suffixes, tuple) or not all(isinstance(each, str) for each in suffixes):
            raise contract_error(
                component, "suffixes", suffixes, 'a tuple such as (".abc",)', verb="is"
            )
    if kind == "source":
        collections = component.collections
        if not isinstance(collections, Mapping) or not all(map(callable, collections.values())):
            raise contract_error(
                component, "collections", collections, "a dict of functions by name", verb="is"
            )
    return component


# Encoders -------------------------------------------------------------------------------------


def fit(encoder: FittingEncoder, pieces: Iterable[Piece]) -> Encoder:
    """Return the encoder that has learnt from pieces."""
    fitted = encoder.fitted(pieces)
    if not hasattr(fitted, "encode") or not hasattr(fitted, "schema"):
        raise contract_error(encoder, "fitted", fitted, "an encoder")
    return cast(Encoder, check_component("encoder", fitted))


def encode(encoder: Encoder, piece: Piece) -> Steps:
    """Return a piece as steps: at least one row, of the schema's dtype, every value a possible one.

    Whether they say what is in the piece is not looked at.
    """
    steps, schema = encoder.encode(piece), encoder.schema
    if not isinstance(steps, np.ndarray) or steps.dtype != schema.dtype or steps.ndim != 1:
        raise contract_error(
            encoder, "encode", steps, f"a structured array of dtype {schema.dtype}"
        )
    if not len(steps):
        raise contract_error(encoder, "encode", steps, "at least a start row")
    for field in schema.columns:
        values = steps[field.name]
        if int(values.max()) >= _values(field):
            raise PluginError(
                f"{owner_of(encoder)}: encode returned {field.name}={values.max()}; "
                f"0..{_values(field) - 1} are allowed{advice(encoder)}"
            )
    return steps


def _values(field: Field) -> int:
    """Return how many values a column of a field may have."""
    return 2 if field.kind == "bits" else field.n


def decode(encoder: Encoder, steps: Steps, *, like: Piece | None = None) -> Piece:
    """Return the music of steps."""
    piece = encoder.decode(steps, like=like)
    if not isinstance(piece, Piece):
        raise contract_error(encoder, "decode", piece, "a Piece")
    return piece


def grammar(encoder: Encoder, rows: int, *, like: Piece | None = None) -> Grammar:
    """Return the grammar of B rows, having tried out once all that a step asks of it."""
    begun = encoder.grammar(rows, like=like)
    lacks = [name for name in ("now", "allowed", "push", "select") if not hasattr(begun, name)]
    if lacks:
        raise contract_error(
            encoder, "grammar", begun, f"a howlkit.protocols.Grammar, with {lacks[0]},"
        )
    now = begun.now
    if not _is_array(now, (rows,), "fiu"):
        raise contract_error(
            encoder, "now of its grammar", now, f"numbers of shape ({rows},)", verb="is"
        )
    allowed(encoder, begun, MARK, encoder.schema.steps(rows))
    for field in encoder.schema.derived:
        derived = cast(DerivingGrammar, begun).derived(field)
        if not _is_array(derived, (rows,), "iu"):
            wanted = f"integers of shape ({rows},)"
            raise contract_error(
                encoder, f"derived({field.name!r}) of its grammar", derived, wanted
            )
    if hasattr(begun, "step_mask"):
        _check_step_mask(encoder, begun.step_mask(), rows)
    copy = begun.select(np.arange(rows))
    if not hasattr(copy, "allowed") or copy is begun:
        raise contract_error(encoder, "select of its grammar", copy, "another grammar")
    return begun


def _check_step_mask(encoder: Encoder, step_mask: object, rows: int) -> None:
    """Raise PluginError unless a step mask is none, or fits the schema."""
    decisions = encoder.schema.decisions
    width = sum(field.choices for field in decisions)
    if step_mask is None or (
        isinstance(step_mask, StepMask)
        and _is_array(step_mask.allowed, (rows, width), "b")
        and _is_array(step_mask.least, (rows, len(decisions)), "iu")
    ):
        return
    wanted = f"a StepMask of shapes ({rows}, {width}) and ({rows}, {len(decisions)})"
    raise contract_error(encoder, "step_mask of its grammar", step_mask, wanted)


def allowed(encoder: Encoder, grammar: Grammar, field: Field, given: Steps) -> NDArray[np.bool_]:
    """Return (B, field.choices): what a grammar of the encoder's allows."""
    found = grammar.allowed(field, given)
    shape = len(given), field.choices
    if not _is_array(found, shape, "b"):
        raise contract_error(
            encoder, f"allowed({field.name!r}) of its grammar", found, f"bools of shape {shape}"
        )
    return found


def push(
    encoder: Encoder, grammar: Grammar, step: Steps, rows: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Go on by `step` in a grammar of the encoder's; return (B,) how many notes each row began."""
    begun = grammar.push(step, rows)
    if not _is_array(begun, rows.shape, "iub"):
        raise contract_error(
            encoder, "push of its grammar", begun, f"integers of shape {rows.shape}"
        )
    return begun


# Augmenters, samplers -------------------------------------------------------------------------


def augment(augmenter: Augmenter, piece: Piece, rng: np.random.Generator) -> Piece:
    """Return a piece changed, with as many notes."""
    changed = augmenter(piece, rng)
    if not isinstance(changed, Piece):
        raise contract_error(augmenter, "it", changed, "a Piece")
    if len(changed) != len(piece):
        raise PluginError(
            f"{owner_of(augmenter)}: it returned {len(changed)} notes of {len(piece)}; a Piece "
            f"with as many is needed{advice(augmenter)}"
        )
    return changed


def generate(sampler: Sampler, session: Session) -> Iterator[Steps]:
    """Yield the steps that a sampler decides; at least one, unless the session was done before."""
    steps, going = sampler.generate(session), not session.done.all()
    if not isinstance(steps, Iterator):
        raise contract_error(
            sampler, "generate", steps, "an iterator of steps: a function that yields"
        )
    for step in steps:
        if not _is_array(step, (session.rows,), "V"):
            raise contract_error(sampler, "generate", step, "a step (B,)", verb="yielded")
        yield step
        going = False
    if going:
        raise PluginError(
            f"{owner_of(sampler)}: generate yielded nothing; steps are needed until session.done"
            f"{advice(sampler)}"
        )


# How it is said -------------------------------------------------------------------------------


def contract_error(
    component: object, call: str, got: object, wanted: str, *, verb: str = "returned"
) -> PluginError:
    """Return the error for what a call of a component gave: whose it is, and what is needed."""
    return PluginError(
        f"{owner_of(component)}: {call} {verb} {_told(got)}; {wanted} "
        f"{'are' if wanted.startswith(PLURAL) else 'is'} needed{advice(component)}"
    )


def advice(component: object) -> str:
    """Return what there is to do about a component that returns what it may not."""
    return f". It is for its author to mend: howlkit plugins check {getattr(component, 'name', '')}"


def _told(value: object) -> str:
    """Return what a value is, in a few words."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "shape"):
        return f"a tensor of shape {tuple(value.shape)}"
    if dataclasses.is_dataclass(value) or not isinstance(value, str | int | float | tuple):
        return f"a {type(value).__name__}"
    return f"the {type(value).__name__} {value!r:.{LONGEST}}"


def _is_array(value: object, shape: tuple[int, ...], kinds: str) -> bool:
    """Say whether a value is an array of a shape, its dtype of one of numpy's kinds."""
    return isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind in kinds
