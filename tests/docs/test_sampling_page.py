"""docs/sampling.md: its commands about samplers run, with a tiny model, and its code too."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from howlkit.builtin.samplers import Autoregressive, Beam, BestOf
from howlkit.music import midi
from tests.training.test_trainer import trainer

PAGE = (Path(__file__).parents[2] / "docs/sampling.md").read_text(encoding="utf-8")
SECTIONS = PAGE[PAGE.index("## Samplers") : PAGE.index("## How fast")]
COMMANDS = re.findall(r"^    howlkit (sample RUN .*)$", SECTIONS, re.MULTILINE)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a tiny run."""
    told = {"repeats": ("all",), "repeats_by": "beats", "votes": True, "sounding": True}
    folder = tmp_path_factory.mktemp("page") / "run"
    made = trainer(folder, steps=30, values={"heads": told})
    made.train()
    return made.run


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_about_samplers_make_music(command, run, howlkit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_taste", raising=False)  # another test's
    code = re.findall(r"```python\n# (\S+\.py),[^\n]*\n(.*?)```", SECTIONS, re.DOTALL)
    for file, text in code:
        (tmp_path / file).write_text(text)
    arguments = [str(run) if word == "RUN" else word for word in shlex.split(command)]
    status, _, err = howlkit(*arguments, "--out", "new.mid", "--seed", "1")
    assert status == 0, err
    wanted = int(arguments[arguments.index("--notes") + 1])
    assert 0 < len(midi.read(tmp_path / "new.mid")) <= wanted


def test_there_is_a_command_for_every_sampler_and_a_row_for_every_parameter():
    assert len(COMMANDS) >= 5
    for sampler in (Autoregressive, Beam, BestOf):
        assert f"| `{sampler.name}`" in SECTIONS
        assert sampler is Autoregressive or any(
            f"--sampler {sampler.name}" in command for command in COMMANDS
        )
    for parameter in ("temperature", "top_k", "top_p", "min_p", "typical_p"):
        assert f"| `{parameter}` |" in SECTIONS
