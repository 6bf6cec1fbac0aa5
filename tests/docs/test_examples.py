"""What the docs show is what runs."""

import doctest
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from howlkit import sampling
from howlkit.builtin.encoders.tuple import Tuple
from howlkit.builtin.samplers import Autoregressive
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.sampling import Limit, Session, make_runner
from howlkit.testing import check_augmenter, model_checks
from tests.training.test_trainer import trainer

ROOT = Path(__file__).parents[2]


def test_the_sampler_of_the_docs_has_at_most_30_lines():
    assert len((ROOT / "docs/examples/breathing.py").read_text().splitlines()) <= 30


def test_the_sampler_of_the_docs_makes_music(tmp_path):
    made = trainer(tmp_path / "run", steps=100)
    made.train()
    script = ROOT / "docs/examples/breathing.py"
    out = tmp_path / "new.mid"
    subprocess.run([sys.executable, str(script), str(made.run), str(out)], check=True)
    piece = midi.read(out)
    assert len(piece) > 20 and piece.beats_long >= 60
    assert np.isin(piece.notes["pitch"] % 12, [0, 2, 4, 5, 7, 9, 11]).mean() > 0.9


@pytest.fixture
def memory():
    """The model of docs/examples/compiled_memory.py."""
    return runpy.run_path(str(ROOT / "docs/examples/compiled_memory.py"))["Memory"](width=24)


def test_the_model_of_the_docs_keeps_to_the_contract(memory):
    for check in model_checks(memory):
        check()


def test_the_augmenter_of_the_docs_keeps_to_the_contract():
    jitter = runpy.run_path(str(ROOT / "docs/examples/jitter.py"))["Jitter"]
    for spread in (0.001, 0.01, 1.0):
        check_augmenter(jitter(spread=spread))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_compiled_step_of_the_docs_makes_what_torch_makes(memory, rows):
    encoder = Tuple()
    torch.manual_seed(0)
    network = memory.build(encoder.schema, HeadOptions())
    made = []
    for stepping in ("plain", "compiled"):
        runner = make_runner(network, encoder.schema, memory, stepping=stepping)
        session = Session(runner, encoder, rows=rows, limit=Limit(notes=50, ends=False))
        assert session.stepping == stepping
        sampling.run(session, Autoregressive())
        made.append(session.steps)
    np.testing.assert_array_equal(*made)


def test_the_examples_of_the_hooks_page_do_what_they_say():
    page = (ROOT / "docs/hooks.md").read_text()
    blocks = re.findall(r"```python\n(>>> .*?)```", page, re.DOTALL)
    assert len(blocks) >= 10
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "hooks.md", None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_hooks_page_shows_code_of_the_example():
    page = (ROOT / "docs/hooks.md").read_text()
    blocks = re.findall(r"<!-- from (docs/\S+) -->\n```python\n(.*?)```", page, re.DOTALL)
    assert blocks
    for file, code in blocks:
        assert code in (ROOT / file).read_text(), file
