"""The laws of a constraint, each a function that raises CheckFailed where it is broken.

Its rules are tried on choices and sounding notes made at random (choices.py), in both clocks, with
and without a prompt. B rows, n choices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import Heard
from howlkit.constraints.setting import Setting
from howlkit.errors import HowlkitError
from howlkit.note_choices import NOTHING, UNKNOWN, NoteChoices
from howlkit.protocols import Constraint, Rule
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.choices import (
    ROLES,
    chosen,
    every_key,
    random_choices,
    random_heard,
    unknown,
)
from howlkit.testing.options import LAWS as OPTION_LAWS
from howlkit.testing.pieces import metres, tune

__all__ = ["check_constraint", "constraint_checks"]

ROWS = 4
SIZES = (1, 7, 128)  # n
SEEDS = range(3)
CLOCKS = {"beats": 12, "seconds": 100}
"""By clock, the positions a beat or second."""

Logits = NDArray[np.float64]


def constraint_checks(constraint: Constraint) -> tuple[Check, ...]:
    """Return the checks of a constraint, one for each law."""
    return tuple(Check("constraint", constraint, law) for law in LAWS)


def check_constraint(constraint: Constraint) -> None:
    """Raise CheckFailed, saying what is wrong, unless `constraint` keeps to its contract."""
    run_all(constraint_checks(constraint))


# What its rules are tried on ----------------------------------------------------------------------


def settings(clock: Any) -> Iterator[tuple[str, Setting]]:  # noqa: ANN401 - "beats" or "seconds"
    """Yield settings in a clock: of music that begins, and of music that goes on."""
    divisions, prompt, changing = CLOCKS[clock], tune(), metres(3)
    yield "no prompt", Setting(clock, divisions)
    yield f"like {changing.name}", Setting(clock, divisions, like=changing)
    yield f"the prompt {prompt.name}", Setting(clock, divisions, like=prompt, prompt=prompt)


def rules(constraint: Constraint) -> Iterator[tuple[str, Setting, Rule]]:
    """Yield the rules that it begins, with their settings; those that it refuses are left out."""
    for clock in CLOCKS:
        for name, setting in settings(clock):
            try:
                rule = constraint.begin(setting)
            except HowlkitError:
                continue
            yield f"a setting in {clock}, {name}", setting, rule


def tries(constraint: Constraint) -> Iterator[tuple[str, Rule, NoteChoices, Heard]]:
    """Yield rules, and choices (B, n) for each to judge."""
    for name, setting, rule in rules(constraint):
        for n in SIZES:
            for seed in SEEDS:
                rng = np.random.default_rng([seed, n])
                heard = random_heard(rng, rows=ROWS, divisions=setting.divisions)
                choices = random_choices(rng, heard, divisions=setting.divisions, choices=n)
                yield f"{name}; random choices ({ROWS}, {n}) of seed {seed}", rule, choices, heard


# The laws -----------------------------------------------------------------------------------------


def begins_in_beats_and_seconds(constraint: Constraint) -> None:
    """It begins a rule in both clocks; what it cannot hold for, it refuses with a HowlkitError."""
    for clock in CLOCKS:
        refused = []
        for name, setting in settings(clock):
            with given(f"a setting in {clock}, {name}"):
                try:
                    rule = constraint.begin(setting)
                except HowlkitError as error:
                    refused.append(f"{name}: {error}")
                    require(
                        str(error),
                        expected="a message that says what cannot hold",
                        got="none",
                        look="the error that `begin` raises",
                    )
                    continue
                require(
                    callable(getattr(rule, "logits", None)),
                    expected="a rule: an object with a method `logits(choices, heard)`",
                    got=type(rule).__name__,
                    look="what `begin` returns",
                )
        require(
            len(refused) < len(list(settings(clock))),
            expected=f"a rule in at least one setting in {clock}",
            got=f"refusals only: {'; '.join(refused)}",
            look="`begin`; `Setting.beats_a_unit` says what a second is in beats",
        )


def returns_logits(constraint: Constraint) -> None:
    """A rule returns (B, n) floating-point numbers, finite or -inf."""
    for name, rule, choices, heard in tries(constraint):
        with given(name):
            found, shape = rule.logits(choices, heard), choices.onset.shape
            fits = isinstance(found, np.ndarray) and found.dtype.kind == "f"
            require(
                fits and found.shape == shape,
                expected=f"a floating-point array of shape {shape}",
                got=f"{type(found).__name__} {getattr(found, 'dtype', '')} "
                f"{getattr(found, 'shape', '')}",
                look="what `logits` returns",
            )
            wrong = found[~(found < np.inf)]
            require(
                not len(wrong),
                expected="finite numbers, and -inf for what is forbidden",
                got=wrong[:1].tolist(),
                look="`logits` where quantities are UNKNOWN, or no note of the choices is possible",
            )


def answers_alike_twice(constraint: Constraint) -> None:
    """The same question has the same answer, whatever was asked before, also of a new rule."""
    asked = list(tries(constraint))
    first = [rule.logits(choices, heard) for _, rule, choices, heard in asked]
    for (name, rule, choices, heard), (_, anew, *_), before in zip(
        asked, tries(constraint), first, strict=True
    ):
        with given(name):
            for which, again in (("the same rule", rule), ("a rule begun anew", anew)):
                require(
                    np.array_equal(before, again.logits(choices, heard)),
                    expected="the answer of the first time",
                    got=f"another one, of {which}",
                    look="random numbers, and what a rule keeps from one call to the next: what "
                    "was heard is in `heard`",
                )


def leaves_its_input_alone(constraint: Constraint) -> None:
    """A rule changes neither the choices nor what was heard."""
    for name, rule, choices, heard in tries(constraint):
        with given(name):
            before = [part.copy() for part in _arrays(choices, heard)]
            rule.logits(choices, heard)
            changed = [
                field
                for field, old, new in zip(
                    _fields(choices, heard), before, _arrays(choices, heard), strict=True
                )
                if not np.array_equal(old, new)
            ]
            require(
                not changed,
                expected="choices and heard as they were",
                got=f"another {' and '.join(changed)}",
                look="arrays that are changed in place: copy them first",
            )


def _arrays(*values: Any) -> list[NDArray[Any]]:  # noqa: ANN401 - dataclasses of arrays
    return [getattr(value, name) for value in values for name in _arrays_of(value)]


def _fields(*values: Any) -> list[str]:  # noqa: ANN401 - as above
    return [
        f"{name}.{field}"
        for name, value in zip(("choices", "heard"), values, strict=True)
        for field in _arrays_of(value)
    ]


def _arrays_of(value: Any) -> list[str]:  # noqa: ANN401 - as above
    """Return the names of the fields that are arrays."""
    names = (field.name for field in dataclasses.fields(value))
    return [name for name in names if isinstance(getattr(value, name), np.ndarray)]


def says_nothing_of_the_unknown(constraint: Constraint) -> None:
    """A rule gives 0 to choices of which everything is UNKNOWN."""
    for name, setting, rule in rules(constraint):
        heard = random_heard(np.random.default_rng(0), rows=ROWS, divisions=setting.divisions)
        for word, role in ROLES.items():
            with given(f"{name}; choices whose role is {word}, all else UNKNOWN"):
                found = rule.logits(unknown(role, rows=ROWS), heard)
                require(
                    not found.any(),
                    expected="0 for all",
                    got=found[found != 0][:1].tolist(),
                    look="comparisons with UNKNOWN, which is -1: test for it first",
                )


def judges_what_is_no_note_by_its_time(constraint: Constraint) -> None:
    """Where a choice is no note, only its onset counts: not pitch, program, track or end."""
    for name, rule, choices, heard in tries(constraint):
        with given(name):
            none = choices.role == NOTHING
            bare = {
                part: np.where(none, UNKNOWN, getattr(choices, part))
                for part in ("pitch", "program", "track", "end")
            }
            found = rule.logits(choices, heard)
            without = rule.logits(dataclasses.replace(choices, **bare), heard)
            differs = none & ~np.isclose(found, without)
            require(
                not differs.any(),
                expected="the same where pitch, program, track and end are UNKNOWN",
                got=f"{found[differs][:1].tolist()}, and {without[differs][:1].tolist()} then",
                look="`choices.role`: only BEGINS and COMING are new notes",
            )


def judges_each_row_alone(constraint: Constraint) -> None:
    """A row has the same answer alone as among others."""
    for name, rule, choices, heard in tries(constraint):
        with given(name):
            together = rule.logits(choices, heard)
            for row in range(ROWS):
                alone = rule.logits(
                    chosen(choices, slice(row, row + 1)), heard.select(np.array([row]))
                )
                require(
                    np.allclose(alone[0], together[row]),
                    expected=f"the same of row {row} alone as among {ROWS} rows",
                    got="another answer",
                    look="sums and comparisons over all rows: rows are pieces of their own",
                )


def lets_something_begin(constraint: Constraint) -> None:
    """At the beginning of the music at least one note of all pitches and programs may sound."""
    for name, _, rule in rules(constraint):
        with given(f"{name}; a note of each pitch and program"):
            found = rule.logits(every_key(), Heard.nothing(1))
            require(
                (found > -np.inf).any(),
                expected="at least one that is not -inf",
                got="-inf for all",
                look="options that contradict each other: refuse them in `__post_init__`",
            )


LAWS = (
    *OPTION_LAWS,
    begins_in_beats_and_seconds,
    returns_logits,
    answers_alike_twice,
    leaves_its_input_alone,
    says_nothing_of_the_unknown,
    judges_what_is_no_note_by_its_time,
    judges_each_row_alone,
    lets_something_begin,
)
