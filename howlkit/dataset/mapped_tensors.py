"""Safetensors files as memory maps; and arrays in temporary files, for what memory cannot hold.

Reading at a tensor's offset in the map is ten times as fast as safetensors' own slices. Nothing is
ever unpickled.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.atomic_files import writing_whole
from howlkit.dataset.names import SCRATCH_PREFIX, delete
from howlkit.errors import DataError, printable

__all__ = ["Appended", "Array", "OnDisk", "Tensors", "write_tensors"]

Array = NDArray[Any]

_DTYPES = {"I64": "<i8", "F64": "<f8", "U32": "<u4", "I32": "<i4", "U16": "<u2", "I8": "i1"}
_DTYPES |= {"U8": "u1"}  # in the order in which safetensors writes them
_NAMES = {np.dtype(kind).str: name for name, kind in _DTYPES.items()}
_DAMAGE = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError)


def write_tensors(path: Path, tensors: Mapping[str, Array]) -> None:
    """Write a safetensors file, whole or not at all; the same arrays give the same bytes.

    The file is byte for byte what safetensors' own `save_file` writes, without a copy of it in
    memory: tensors by falling width of their type, so that each is aligned, then by name; a header
    padded to 8 bytes.
    """
    types = {name: _NAMES[tensor.dtype.newbyteorder("<").str] for name, tensor in tensors.items()}
    names = sorted(tensors, key=lambda name: (list(_DTYPES).index(types[name]), name))
    header, stop = {}, 0
    for name in names:
        tensor = tensors[name]
        begin, stop = stop, stop + tensor.nbytes
        header[name] = {
            "dtype": types[name],
            "shape": tensor.shape,
            "data_offsets": (begin, stop),
        }
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    with writing_whole(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            file.write(np.ascontiguousarray(tensors[name], _DTYPES[types[name]]).data)


class Tensors:
    """The tensors of a safetensors file by name, memory-mapped and read-only.

    Raises DataError for a file that is missing, damaged or has types that datasets do not use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._bytes = np.asarray(np.memmap(path, np.uint8, "r"))
            size = int(self._bytes[:8].view("<u8")[0])
            header = json.loads(self._bytes[8 : 8 + size].tobytes())
            self._begin = 8 + size
            self._where = {n: entry for n, entry in header.items() if n != "__metadata__"}
            stops = [int(entry["data_offsets"][1]) for entry in self._where.values()]
            whole = self._begin + max(stops, default=0) == len(self._bytes)
        except (OSError, RecursionError, *_DAMAGE) as error:
            raise self._damaged(error) from error
        if not whole:
            raise self._damaged("its length is not what its header says")

    def __getitem__(self, name: str) -> Array:
        """Return the tensor `name`, a view of the file."""
        try:
            entry = self._where[name]
            begin, stop = (self._begin + int(offset) for offset in entry["data_offsets"])
            data = self._bytes[begin:stop].view(_DTYPES[entry["dtype"]])
            return data.reshape(entry["shape"])
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def check(self, name: str, dtype: np.dtype[Any] | type, shape: tuple[int, ...]) -> None:
        """Raise DataError unless the tensor `name` has this type and shape."""
        tensor = self[name]
        if tensor.dtype != dtype or tensor.shape != shape:
            raise self._damaged(f"{name} is {tensor.dtype} of shape {tensor.shape}")

    def _damaged(self, cause: object) -> DataError:
        return DataError(
            f"{printable(self._path)} is damaged or missing ({printable(cause)}); "
            "run `howlkit prepare` again, it reads anew what is lost"
        )


class OnDisk:
    """A matrix in a file, read and written a row at a time.

    Processes may share it: it pickles, and no file stays open (opening it takes 3 us a row).
    """

    def __init__(self, path: Path, dtype: type, shape: tuple[int, int]) -> None:
        """Use the file at `path`, which holds a matrix of this type and shape."""
        self._path, self._dtype, self.shape = path, np.dtype(dtype), shape

    @classmethod
    @contextlib.contextmanager
    def new(cls, folder: Path | None, dtype: type, shape: tuple[int, int]) -> Iterator[OnDisk]:
        """Give a new matrix of zeros, deleted at the end of the block.

        After a kill the next `shards.Store.tidy` deletes it. folder: where its file is; None: where
        the system has temporary files.
        """
        file, path = tempfile.mkstemp(prefix=SCRATCH_PREFIX, dir=folder)
        try:
            with open(file, "wb") as opened:
                opened.truncate(shape[0] * shape[1] * np.dtype(dtype).itemsize)
            yield cls(Path(path), dtype, shape)
        finally:
            delete(Path(path))

    def __getitem__(self, row: int) -> Array:
        """Return a copy of a row."""
        values = np.empty(self.shape[1], self._dtype)
        with open(self._path, "rb") as file:
            file.seek(row * values.nbytes)
            file.readinto(values.data)
        return values

    def __setitem__(self, row: int, values: Array) -> None:
        self.write(0, values[None], first=row)

    def write(self, column: int, values: Array, *, first: int = 0) -> None:
        """Write values (rows, n) from row `first` and column `column` on."""
        with open(self._path, "r+b") as file:
            for row, part in enumerate(values, first):
                file.seek((row * self.shape[1] + column) * self._dtype.itemsize)
                file.write(np.ascontiguousarray(part, self._dtype).data)


class Appended(contextlib.AbstractContextManager["Appended"]):
    """Numbers in a temporary file: all are appended, then they are read in blocks.

    folder: as in `OnDisk.new`.
    """

    def __init__(self, folder: Path | None, dtype: type) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)
        self._dtype = np.dtype(dtype)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, values: Array) -> None:
        """Append values (n,)."""
        self._file.write(np.ascontiguousarray(values, self._dtype).data)

    def blocks(self, size: int) -> Iterator[Array]:
        """Yield all numbers in order, in arrays (size,), the last one shorter."""
        self._file.seek(0)
        while block := self._file.read(size * self._dtype.itemsize):
            yield np.frombuffer(block, self._dtype)
