"""From what people ask of the music (`Wishes`) to constraints, and from these to rules.

The default constraints are added here, for `howlkit sample` and `Trained.sample` alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from howlkit import plugins
from howlkit.constraints import Setting, flat
from howlkit.music.piece import Piece
from howlkit.plugins.checked import CheckedConstraint, CheckedEncoder, unwrapped
from howlkit.plugins.checked_constraint import CheckedRule
from howlkit.protocols import Constraint, Encoder, Rule
from howlkit.sampling.possible_notes import check_possible
from howlkit.sampling.ruled import divisions_of
from howlkit.sampling.wishes import DEFAULTS, Wishes

__all__ = ["constraints_of", "rules_of", "setting_of", "told"]


def constraints_of(
    wishes: Wishes, values: Mapping[str, Mapping[str, object]] | None = None
) -> list[Constraint]:
    """Return the constraints that the wishes ask for, the default ones among them.

    values: options by name of a constraint, as -o gives them; a wish that says the same option
    wins. Raises ArgumentError for a wish that cannot be read, OptionError for a value that is not
    allowed, and PluginError for a constraint that there is not.
    """
    options, given = wishes.options, values or {}
    made: list[Constraint] = [
        plugins.create("constraint", name, {**given.get(name, {}), **options.get(name, {})})
        for name in wishes.names
    ]
    made += [CheckedConstraint.of(each) for each in wishes.others if not isinstance(each, str)]
    return made


def setting_of(encoder: Encoder, like: Piece | None, facts: Mapping[str, Any]) -> Setting:
    """Return what constraints are told of a session.

    like: the piece that lends the music its tempo and metre; one with notes is its prompt. facts:
    `Trained.facts`.
    """
    divisions = divisions_of(CheckedEncoder.of(encoder).grammar(1, like=like))
    prompt = like if like is not None and len(like) else None
    return Setting(encoder.schema.clock, divisions, like=like, prompt=prompt, facts=facts)


def rules_of(
    constraints: Iterable[Constraint],
    encoder: Encoder,
    *,
    like: Piece | None = None,
    facts: Mapping[str, Any] | None = None,
) -> list[Rule]:
    """Return the rules that constraints make for a session, each checked when it is called.

    like, facts: as in `setting_of`. Raises HowlkitError if a constraint cannot hold for this music,
    or if they leave no note that the encoder has.
    """
    setting = setting_of(encoder, like, facts or {})
    rules = [
        CheckedRule.of(rule, begun_by=unwrapped(each))
        for each in constraints
        for rule in flat([CheckedConstraint.of(each).begin(setting)])
    ]
    check_possible(rules, encoder, like)
    return rules


def told(constraints: Iterable[Constraint], encoder: Encoder) -> list[str]:
    """Return, a line each, what of the wishes cannot be kept exactly, to be said before sampling.

    Nothing is said of the default constraints, for which nobody has asked.
    """
    asked = [each for each in map(unwrapped, constraints) if each.name not in DEFAULTS]
    if not asked:
        return []
    lines = []
    if not CheckedEncoder.of(encoder).grammar(1).has_notes:
        lines.append(
            f"encoder {encoder.name!r} does not say which note a choice begins; rules are kept by "
            "drawing whole steps again, which takes longer"
        )
    names, clock = {each.name for each in asked}, encoder.schema.clock
    if "chords" in names and clock == "seconds":
        lines.append(
            f"encoder {encoder.name!r} counts seconds; the bars of the chords are those of a "
            "constant tempo, that in which the music begins"
        )
    others = [each for each in asked if each.name == "density" and f"{each.per}s" != clock]
    if others:
        lines.append(
            f"encoder {encoder.name!r} counts {clock}; notes a {others[0].per} are counted at the "
            "tempo in which the music begins"
        )
    return lines
