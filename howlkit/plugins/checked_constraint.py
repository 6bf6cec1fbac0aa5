"""A constraint and the rule that it begins, with every call checked.

A session calls a rule several times a step, so a call checks only that its numbers can be added to
logits. The rules that come with howlkit stay as they are: the core knows them by their class, and
judges them in compiled code.

Shapes: B rows, n choices of a field.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import PluginError
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.contracts import advice, contract_error, is_array, wrong_signature
from howlkit.plugins.wrapper import Wrapper
from howlkit.protocols import Rule

__all__ = ["CheckedConstraint", "CheckedRule"]


class CheckedConstraint(Wrapper):
    """A constraint; PluginError where it begins no rule, or its rule returns no logits."""

    __slots__ = ()

    def __init__(self, component: Any) -> None:  # noqa: ANN401 - any constraint
        super().__init__(component, "constraint")

    def begin(self, setting: Any) -> Rule:  # noqa: ANN401 - a howlkit.constraints.Setting
        """Return its rule for a setting: wrapped, or as it is if it comes with howlkit."""
        return CheckedRule.of(self._component.begin(setting), begun_by=self._component)


class CheckedRule:
    """A rule; PluginError where it returns anything that cannot be added to logits."""

    __slots__ = ("_owner", "_rule")

    def __init__(self, rule: Any, owner: object) -> None:  # noqa: ANN401 - whatever came
        self._rule, self._owner = rule, owner
        if not callable(getattr(rule, "logits", None)):
            what = "begin" if owner is not rule else "the rule"
            verb = "returned" if owner is not rule else "is"
            wanted = "a howlkit.protocols.Rule, with logits,"
            raise contract_error(owner, what, rule, wanted, verb=verb)
        wrong = wrong_signature(rule.logits, Rule, "logits")
        if wrong:
            raise self._refusal(f"its rule's {wrong}")

    @classmethod
    def of(cls, rule: Any, *, begun_by: object | None = None) -> Self | Rule:  # noqa: ANN401 - as above
        """Return the rule wrapped; as it is if it is wrapped, or of a class that howlkit knows.

        Of several rules as one (`howlkit.constraints.Rules`), each is wrapped or left as it is.
        begun_by: the constraint that errors name; None: the rule itself. Raises PluginError if it
        is no rule.
        """
        # The class itself has it: a class made of a known one may judge otherwise.
        if isinstance(rule, cls) or vars(type(rule)).get("compilable") is True:
            known: Rule = rule
            if hasattr(rule, "parts"):
                parts = (cls.of(part, begun_by=begun_by) for part in rule.parts)
                known = replace(rule, parts=tuple(parts))
            return known
        return cls(rule, rule if begun_by is None else begun_by)

    def logits(self, choices: Any, heard: Any) -> NDArray[np.float64]:  # noqa: ANN401 - as `Rule`
        """Return (B, n): what to add to the logits of each choice, as `Rule.logits`."""
        found = self._rule.logits(choices, heard)
        shape = choices.onset.shape
        if not is_array(found, shape, "f"):
            wanted = f"numbers, floating point, of shape {shape}"
            raise contract_error(self._owner, "logits of its rule", found, wanted)
        possible = found < np.inf  # NaN is not
        if not possible.all():
            row, choice = np.argwhere(~possible)[0].tolist()
            raise self._refusal(
                f"logits of its rule returned {found[row, choice]} (row {row}, choice {choice}); "
                "finite numbers, or -inf for what is forbidden, are needed"
            )
        return np.asarray(found, np.float64)

    def _refusal(self, what: str) -> PluginError:
        return PluginError(f"{owner_of(self._owner)}: {what}{advice(self._owner)}")

    def __repr__(self) -> str:
        return repr(self._rule)
