"""Machine code that was kept is not used once a kernel that it calls has changed."""

import os
from pathlib import Path

import pytest

pytest.importorskip("numba")

from howlkit.sampling import kernels


def test_machine_code_older_than_the_kernels_is_dropped(tmp_path):
    file, folder = tmp_path / "my_kernels.py", tmp_path / "__pycache__"
    folder.mkdir()
    here = Path(kernels.__file__).parent
    newest = max(path.stat().st_mtime for path in here.glob("*kernels.py"))
    for name, age in (("my_kernels.step-1.nbi", -5), ("my_kernels.new-1.nbi", 5)):
        (folder / name).touch()
        os.utime(folder / name, (newest + age, newest + age))
    (folder / "my_kernels.cpython.pyc").touch()
    os.utime(folder / "my_kernels.cpython.pyc", (0, 0))
    kernels._drop_outdated(file)
    assert sorted(path.name for path in folder.iterdir()) == [
        "my_kernels.cpython.pyc",
        "my_kernels.new-1.nbi",
    ]
