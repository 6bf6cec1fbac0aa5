"""`howlkit plugins check`, run on installed distributions."""

import json

import pytest

from howlkit.plugins import registry
from tests.plugins.plugin_site import GOOD, site  # noqa: F401 - a fixture

CHANGES = GOOD.replace(
    "    by: int = 10\n",
    "    by: int = option(10, 'how much', low=1, high=20)\n",
).replace("from howlkit.hookspecs", "from howlkit.options import option\nfrom howlkit.hookspecs")


@pytest.fixture(autouse=True)
def fresh():
    registry.load.cache_clear()
    yield
    registry.load.cache_clear()


def test_each_check_is_a_line_and_the_last_says_what_to_do(howlkit):
    code, out, err = howlkit("plugins", "check", "transpose")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "ok      is described" and all(line[:2] == "ok" for line in lines[:-1])
    assert lines[-1].startswith("All 9 checks passed.") and "check_augmenter" in lines[-1]


DEPARTING = '''
"""The encoder of the kit, with a second spelling for a single key."""

from typing import ClassVar

from howlkit.hookspecs import hookimpl
from howlkit.testing.fake_encoder import FakeEncoder


class Bells(FakeEncoder):
    """One step an onset."""

    name: ClassVar[str] = "bells"
    exemptions: ClassVar[dict[str, str]] = {"round trip": "bells are \\x1b[31mrung\\x1b[0m"}


@hookimpl
def register_encoders(register):
    register(Bells)
'''


def test_a_law_that_is_declared_not_to_hold_is_shown_with_what_was_checked_instead(
    howlkit,
    site,  # noqa: F811
):
    site.install("howlkit-bells", DEPARTING)
    code, out, _ = howlkit("plugins", "check", "bells")
    assert code == 0, out
    shown = out.splitlines()
    line = shown.index("ok      round trip")
    assert "declared not to hold: bells are" in shown[line + 1] and "\x1b" not in out
    instead = "checked instead: Steps that the grammar allows come back as the same music"
    assert instead in shown[line + 2]
    assert "1 of them of a weaker law" in shown[-1]
    report = json.loads(howlkit("plugins", "check", "bells", "--json")[1])
    declared = [c["check"] for c in report["checks"] if c["declared_not_to_hold"]]
    assert declared == ["round trip"]


def test_what_fails_says_why_and_the_exit_code_is_1(howlkit, site):  # noqa: F811
    site.install("howlkit-louder", CHANGES)
    code, out, _ = howlkit("plugins", "check", "louder")
    assert code == 1
    assert "FAILED  is random by rng alone\n          law: The same rng" in out
    assert "          got: none\n" in out
    last = out.splitlines()[-1]
    assert last.startswith("1 of 9 checks failed. Mend the first, 'is random by rng alone'")
    assert "howlkit plugins check louder" in last


def test_an_exception_of_a_plugin_is_a_failed_check_with_its_line(howlkit, site):  # noqa: F811
    site.install("howlkit-louder", CHANGES.replace("return piece", "return 1 / 0"))
    code, out, err = howlkit("plugins", "check", "louder")
    assert code == 1 and "Traceback" not in out + err
    assert "got: ZeroDivisionError: division by zero (" in out
    assert "howlkit_louder.py:" in out and "input: scatter(1), seed 0" in out


def test_a_plugin_that_cannot_even_be_made_costs_a_line(howlkit, site):  # noqa: F811
    broken = "    def __post_init__(self):\n        raise TypeError('not today')\n"
    site.install("howlkit-louder", CHANGES.replace("    def __call__", broken + "    def __call__"))
    code, _, err = howlkit("plugins", "check", "louder")
    assert code == 1 and "augmenter 'louder' cannot be made: TypeError: not today (" in err
    assert "Traceback" not in err


def test_json_has_every_check_and_nothing_else_is_on_stdout(howlkit, site):  # noqa: F811
    site.install("howlkit-louder", CHANGES.replace("return piece", "print('hello'); return piece"))
    code, out, err = howlkit("plugins", "check", "louder", "-o", "louder.by=3", "--json")
    report = json.loads(out)
    assert code == 1 and "hello" in err
    assert (report["name"], report["kind"], len(report["checks"])) == ("louder", "augmenter", 9)
    failed = [check for check in report["checks"] if not check["ok"]]
    assert [check["check"] for check in failed] == ["is random by rng alone"]
    assert "expected: at least one change" in failed[0]["message"]
