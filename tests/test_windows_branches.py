"""What the code does otherwise on Windows, tried on any system."""

import importlib.util
import ntpath
import os
import sys
from pathlib import Path

import pytest
import torch

from howlkit import atomic_files
from howlkit.dataset import Dataset, folder, preparation, prepare
from howlkit.music.midi import container
from howlkit.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


class WindowsOs:
    """The module `os`, but for its name, its separator, and that it opens no folder."""

    name = "nt"
    sep = "\\"

    def __getattr__(self, name):
        return getattr(os, name)

    @staticmethod
    def open(path, *rest):
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return os.open(path, *rest)


def saved(run, step):
    weights = {"weight": torch.arange(step)}
    save_checkpoint(run, Checkpoint(step, weights, {}, {"why": "a test"}))


def test_a_checkpoint_is_saved_where_no_folder_can_be_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_files, "os", WindowsOs())
    saved(tmp_path, 1)
    saved(tmp_path, 2)
    loaded = load_checkpoint(tmp_path)
    assert loaded.step == 2 and loaded.model["weight"].tolist() == [0, 1]
    assert [path.name for path in (tmp_path / "checkpoints").glob("step-*")] == ["step-00000002"]


@pytest.mark.skipif(sys.platform == "win32", reason="it opens no folder")
def test_elsewhere_the_folders_of_a_checkpoint_are_flushed(tmp_path, monkeypatch):
    system, flushed = WindowsOs(), []
    system.name = "posix"
    system.open = lambda path, *rest: flushed.append(Path(path)) or os.open(path, *rest)
    monkeypatch.setattr(atomic_files, "os", system)
    saved(tmp_path, 1)
    assert tmp_path / "checkpoints" in flushed


def test_a_folder_is_prepared_where_there_are_no_locks(music, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # importing it raises ImportError
    prepare([music], tmp_path / "data")
    with folder.writing(tmp_path / "data"):  # nobody is kept out
        prepare([music], tmp_path / "data")
    assert len(Dataset.open(tmp_path / "data").names) == 12


def test_a_piece_is_called_by_its_path_with_slashes(monkeypatch):
    monkeypatch.setattr(preparation, "os", WindowsOs())
    monkeypatch.setattr(WindowsOs, "path", ntpath, raising=False)
    assert preparation._inside(r"C:\music\bach\1.mid", [r"D:\other", r"C:\music"]) == "bach/1.mid"
    assert preparation._inside(r"C:\elsewhere\2.mid", [r"C:\music"]) == "2.mid"


def test_files_of_music_are_opened_as_bytes(monkeypatch):
    monkeypatch.setattr(os, "O_BINARY", 0x8000, raising=False)
    spec = importlib.util.spec_from_file_location("container_on_windows", container.__file__)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look for it there
    spec.loader.exec_module(module)
    assert module._READ & 0x8000


def test_no_byte_of_a_file_is_translated(tmp_path):
    data = b"MThd\r\n\x1a\n rest"
    (tmp_path / "x.mid").write_bytes(data)
    assert container.load(tmp_path / "x.mid", container.Limits()) == data
