"""Threads: few rows are stepped with one, and torch has its own number again afterwards."""

import pytest
import torch

from howlkit.network.device import FEW_ROWS, one_thread
from howlkit.sampling.limits import Limit
from howlkit.testing.samplers import session
from tests.conftest import tune


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("rows", [1, FEW_ROWS, FEW_ROWS + 1])
def test_few_rows_have_one_thread_in_the_context_only(rows):
    with one_thread(rows):
        assert torch.get_num_threads() == (1 if rows <= FEW_ROWS else 2)
    assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), one_thread(rows):
        raise KeyError
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("rows", [1, 3, FEW_ROWS + 1])
def test_a_session_steps_few_rows_with_one_thread(monkeypatch, rows):
    made, seen = session(rows=rows, limit=Limit(notes=3, ends=False)), []
    advance = type(made._rows.runner)._advance

    def watched(self, *arguments):
        seen.append(torch.get_num_threads())
        return advance(self, *arguments)

    monkeypatch.setattr(type(made._rows.runner), "_advance", watched)
    made.prompt(tune(bars=1))
    made.step()
    made.step(functions=[lambda field, logits, given: logits])
    _ = made.cost
    made.rewind(3)
    assert set(seen) == ({1} if rows <= FEW_ROWS else {2})
    assert torch.get_num_threads() == 2
