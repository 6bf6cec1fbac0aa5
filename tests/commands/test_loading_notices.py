"""People who wait are told that something is compiled only where something is."""

import importlib.util
import threading

import pytest

from howlkit.commands import loading_notices

pytest.importorskip("numba")

KERNEL = """
from howlkit.sampling.kernels import compiled

@compiled
def twice(x):
    return x + x
"""


@pytest.fixture
def lines(monkeypatch):
    said = []
    monkeypatch.setattr(loading_notices, "tell", said.append)
    return said


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Load the kernel as another process would: all but what is kept on disk is new."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    file = tmp_path / "twice_kernels.py"
    file.write_text(KERNEL)

    def load():
        spec = importlib.util.spec_from_file_location("twice_kernels", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_compiling_is_told_once_and_not_where_the_code_is_kept(lines, loaded):
    module = loaded()
    with loading_notices.loading_notices():
        assert module.twice(1.5) == 3.0
        assert module.twice(2) == 4  # other types: compiled again
    assert len(lines) == 1 and lines[0].startswith("Compiling the model's step, once on this")
    again = loaded()
    with loading_notices.loading_notices():
        assert again.twice(1.5) == 3.0
    assert len(lines) == 1
    with loading_notices.loading_notices():
        again.twice(1j)
    assert len(lines) == 2


def test_nothing_is_told_of_what_is_compiled_elsewhere(lines, loaded):
    with loading_notices.loading_notices():
        pass
    loaded().twice(1.5)
    assert lines == []


def test_a_model_that_loads_slowly_is_told_without_a_word_of_compiling(monkeypatch):
    told, said = threading.Event(), []
    monkeypatch.setattr(loading_notices, "PATIENCE", 0.0)
    monkeypatch.setattr(loading_notices, "tell", lambda line: (said.append(line), told.set()))
    with loading_notices.loading_notices():
        assert told.wait(60)
    assert said == ["Loading the model"]
