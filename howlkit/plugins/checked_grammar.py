"""A grammar with every answer checked, and with defaults for all that a grammar may leave out.

A session calls a grammar several times a step, so a call checks types and shapes only; what takes
longer is tried once, when the grammar is made.

Shapes: B rows, K decisions a step, N all their choices side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import PluginError
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS
from howlkit.note_choices import (
    QUANTITIES,
    NoteChoices,
    NoteGrammar,
    NoteTables,
    PossibleNotes,
    TabledGrammar,
)
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.contracts import advice, contract_error, is_array, wrong_signature
from howlkit.protocols import (
    DerivingGrammar,
    Encoder,
    Grammar,
    StepMask,
    StepMaskGrammar,
    TimingGrammar,
)
from howlkit.schema import MARK, STEP, Field, Schema, Steps

__all__ = ["CheckedGrammar", "derived_step_mask"]


class CheckedGrammar:
    """The grammar of B rows, as `CheckedEncoder.grammar` begins it.

    Every method raises PluginError where the encoder's own grammar breaks its contract.
    """

    __slots__ = (
        "_encoder",
        "_grammar",
        "_mask_shapes",
        "_masks_steps",
        "_rows",
        "_schema",
        "_sets_tempo",
        "has_note_tables",
        "has_notes",
    )

    def __init__(
        self,
        encoder: Encoder,
        schema: Schema,
        grammar: Any,  # noqa: ANN401 - whatever the encoder returned
        rows: int,
        *,
        sets_tempo: bool,
    ) -> None:
        self._encoder, self._schema, self._grammar, self._rows = encoder, schema, grammar, rows
        self._sets_tempo, self._masks_steps = sets_tempo, hasattr(grammar, "step_mask")
        # Whether the grammar says what choices mean in notes, and whether it says so as tables.
        self.has_notes = hasattr(grammar, "note_choices")
        self.has_note_tables = self.has_notes and hasattr(grammar, "note_tables")
        widths = [field.choices for field in schema.decisions]
        self._mask_shapes = (rows, sum(widths)), (rows, len(widths))

    def try_out(self) -> None:
        """Call once every method that a session will call; PluginError for what is wrong."""
        self._check_members()
        _ = self.now
        self.allowed(MARK, self._schema.steps(self._rows))
        for field in self._schema.derived:
            self.derived(field)
        if self._masks_steps:
            self.step_mask()
        if self._sets_tempo:
            self.seconds(np.zeros(self._rows))
        if self.has_notes:
            self._try_out_notes()
        _ = self.possible_notes
        self.select(np.arange(self._rows))

    def _try_out_notes(self) -> None:
        _ = self.alone, self.divisions
        if self.has_note_tables:  # first, as choices may be made of them
            _ = self.note_tables, self.note_bases
        given = self._schema.steps(self._rows)
        for field in self._schema.decisions[:2]:  # what comes later may not be decided in `given`
            self.note_choices(field, given)

    def _check_members(self) -> None:
        needed: dict[str, type[Any]] = dict.fromkeys(("now", "allowed", "push", "select"), Grammar)
        needed |= {"derived": DerivingGrammar} if self._schema.derived else {}
        needed |= {"seconds": TimingGrammar} if self._sets_tempo else {}
        needed |= {"step_mask": StepMaskGrammar} if self._masks_steps else {}
        if self.has_notes:
            needed |= dict.fromkeys(("note_choices", "divisions", "alone"), NoteGrammar)
        if self.has_note_tables:
            needed |= {"note_bases": TabledGrammar}
        for name, contract in needed.items():
            if not hasattr(self._grammar, name):
                wanted = f"a howlkit.protocols.{contract.__name__}, with {name},"
                raise contract_error(self._encoder, "grammar", self._grammar, wanted)
            if isinstance(vars(contract)[name], property):
                continue
            wrong = wrong_signature(getattr(self._grammar, name), contract, name)
            if wrong:
                raise PluginError(
                    f"{owner_of(self._encoder)}: its grammar's {wrong}{advice(self._encoder)}"
                )

    @property
    def now(self) -> NDArray[np.float64]:
        """(B,): where each row stands, as `Grammar.now`."""
        now: NDArray[np.float64] = self._grammar.now
        if not is_array(now, (self._rows,), "fiu"):
            raise self._error("now", now, f"numbers of shape ({self._rows},)", verb="is")
        return now

    def allowed(self, field: Field, given: Steps) -> NDArray[np.bool_]:
        """Return (B, field.choices): what a field may be, as `Grammar.allowed`."""
        found: NDArray[np.bool_] = self._grammar.allowed(field, given)
        shape = len(given), field.choices
        if not is_array(found, shape, "b"):
            raise self._error(f"allowed({field.name!r})", found, f"bools of shape {shape}")
        return found

    def push(self, step: Steps, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Take in `step` (B,) in some rows; return (B,) how many notes each of them began."""
        begun: NDArray[np.int64] = self._grammar.push(step, rows)
        if not is_array(begun, rows.shape, "iub"):
            raise self._error("push", begun, f"integers of shape {rows.shape}")
        return begun

    def select(self, rows: NDArray[np.intp]) -> CheckedGrammar:
        """Return an independent copy that holds these rows, in this order."""
        copy = self._grammar.select(rows)
        if not hasattr(copy, "allowed") or copy is self._grammar:
            raise self._error("select", copy, "another grammar")
        sets_tempo = self._sets_tempo
        return CheckedGrammar(self._encoder, self._schema, copy, len(rows), sets_tempo=sets_tempo)

    def derived(self, field: Field) -> NDArray[np.int64]:
        """Return (B,): a derived field as each row stands now, as `DerivingGrammar.derived`."""
        found: NDArray[np.int64] = self._grammar.derived(field)
        if not is_array(found, (self._rows,), "iu"):
            raise self._error(
                f"derived({field.name!r})", found, f"integers of shape ({self._rows},)"
            )
        return found

    def seconds(self, clock: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (B,): when positions in the schema's clock (B,) sound.

        In the tempi of the steps where they set it (`TimingGrammar.seconds`); else at 120 beats a
        minute, the tempo of a `Piece` that names none.
        """
        if not self._sets_tempo:
            if self._schema.clock == "seconds":
                return clock
            plain = Piece()
            return plain.seconds(np.rint(clock * plain.ticks_per_beat))
        found: NDArray[np.float64] = self._grammar.seconds(clock)
        if not is_array(found, clock.shape, "fiu"):
            raise self._error("seconds", found, f"numbers of shape {clock.shape}")
        return found

    def step_mask(self) -> StepMask | None:
        """Return what the whole next step may be (`StepMaskGrammar.step_mask`).

        Where the grammar has no such method, the mask is derived from `allowed`, if it can be.
        """
        if not self._masks_steps:
            return derived_step_mask(self, self._schema, self._rows)
        found: StepMask | None = self._grammar.step_mask()
        if found is not None and not self._fits(found):
            wanted = "a StepMask of shapes {} and {}".format(*self._mask_shapes)
            raise self._error("step_mask", found, wanted)
        return found

    # Notes ----------------------------------------------------------------------------------------

    @property
    def divisions(self) -> int:
        """Positions of note choices a beat or second; only with `has_notes`, as all of these."""
        found: int = self._grammar.divisions
        if not isinstance(found, int) or found < 1:
            raise self._error("divisions", found, "a whole number above 0", verb="is")
        return found

    @property
    def alone(self) -> bool:
        """Whether a note ends the note before it on its track (`NoteGrammar.alone`)."""
        found: bool = self._grammar.alone
        if not isinstance(found, bool):
            raise self._error("alone", found, "true or false", verb="is")
        return found

    def note_choices(self, field: Field, given: Steps) -> NoteChoices | None:
        """Return what the choices of a field mean in notes, as `NoteGrammar.note_choices`."""
        found: NoteChoices | None = self._grammar.note_choices(field, given)
        if found is None:
            return None
        shape, call = (len(given), field.choices), f"note_choices({field.name!r})"
        if not isinstance(found, NoteChoices):
            raise self._error(call, found, "a NoteChoices or None")
        for name, column in vars(found).items():
            if not is_array(column, shape, "iu"):
                raise self._error(f"{name} of {call}", column, f"integers of shape {shape}")
        return found

    @property
    def possible_notes(self) -> PossibleNotes | None:
        """The notes that there may be (`BoundedGrammar`); None if the grammar does not say it."""
        found: PossibleNotes | None = getattr(self._grammar, "possible_notes", None)
        if found is not None and not _is_possible(found):
            wanted = "a PossibleNotes, with some programs 0..128 and some pitches 0..127"
            raise self._error("possible_notes", found, wanted, verb="is")
        return found

    @property
    def note_tables(self) -> NoteTables:
        """The tables that note choices follow from; only with `has_note_tables`."""
        found: NoteTables = self._grammar.note_tables
        (_, choices), (_, decisions) = self._mask_shapes
        width = len(QUANTITIES)
        if not (
            isinstance(found, NoteTables)
            and is_array(found.adds, (choices, width), "i")
            and is_array(found.known, (decisions, width), "b")
            and is_array(found.restart, (decisions, width), "i")
        ):
            wanted = f"a NoteTables of shapes {(choices, width)} and {(decisions, width)}"
            raise self._error("note_tables", found, wanted, verb="is")
        decided = [field.name for field in self._schema.decisions if field.kind != "bits"]
        if not (isinstance(found.shifts, tuple) and {*found.shifts} <= {*decided}):
            wanted = f"a NoteTables whose shifts are a tuple of names among {', '.join(decided)}"
            raise self._error("note_tables", found.shifts, wanted, verb="is")
        return found

    @property
    def note_bases(self) -> NDArray[np.int64]:
        """(B, Q or more): the quantities of each row before the next step."""
        found: NDArray[np.int64] = self._grammar.note_bases
        # Read at every step: the quickest test that there is.
        if type(found) is not np.ndarray or found.dtype != np.int64 or not self._fits_rows(found):
            wanted = f"integers (int64) of shape ({self._rows}, {len(QUANTITIES)} or more)"
            raise self._error("note_bases", found, wanted, verb="is")
        return found

    def _fits_rows(self, found: NDArray[Any]) -> bool:
        return found.ndim == 2 and len(found) == self._rows and found.shape[1] >= len(QUANTITIES)

    def _fits(self, found: object) -> bool:
        allowed, least = self._mask_shapes
        return (
            isinstance(found, StepMask)
            and is_array(found.allowed, allowed, "b")
            and is_array(found.least, least, "iu")
        )

    def _error(self, call: str, got: object, wanted: str, *, verb: str = "returned") -> PluginError:
        return contract_error(self._encoder, f"{call} of its grammar", got, wanted, verb=verb)


def _is_possible(found: object) -> bool:
    if not isinstance(found, PossibleNotes):
        return False
    limits = (found.programs, DRUMS), (found.pitches, DRUMS - 1)
    return all(len(some) and set(some) <= set(range(most + 1)) for some, most in limits)


def derived_step_mask(grammar: Grammar, schema: Schema, rows: int) -> StepMask | None:
    """Return the step mask of B rows that `grammar.allowed` implies; None if it implies none.

    It does where a step is `mark` and one field of a class: there is nothing else to depend on.
    """
    if len(schema.decisions) != 2 or schema.decisions[1].kind != "class":
        return None
    given = np.zeros(rows, schema.dtype)
    parts = [grammar.allowed(field, given) for field in schema.decisions]
    parts[1][~parts[0][:, STEP]] = True  # never asked for
    return StepMask(np.concatenate(parts, axis=1), np.zeros((rows, 2), np.int64))
