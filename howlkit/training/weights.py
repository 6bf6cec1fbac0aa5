"""Weights as a safetensors file with a checksum, read as torch's tensors or as numpy arrays.

A file may hold weights in half precision, to be small (`write_tensors(..., half=True)`); they are
read as float32, so nothing else knows of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import safetensors
from numpy.typing import NDArray

from howlkit.atomic_files import write_whole
from howlkit.errors import CheckpointError, printable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "checksum_of_arrays",
    "checksum_of_tensors",
    "read_arrays",
    "read_shapes",
    "read_tensors",
    "with_prefix",
    "without_prefix",
    "write_tensors",
]

MOST_HEADER = 8_000_000
"""The bytes of a header, at most; one of a network takes a hundred for each tensor."""

_DAMAGE = (
    *(OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError),
    *(OverflowError, RecursionError),
)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], *, half: bool = False) -> None:
    """Write tensors as safetensors with a checksum, atomically and flushed to the disk.

    half: store those of float32 as float16. Raises OSError, MemoryError or torch's RuntimeError if
    there is no room for them; the file at `path` then stays as it was.
    """
    import torch

    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    if half:
        plain = {n: t.half() if t.dtype == torch.float32 else t for n, t in plain.items()}
    write_whole(path, _serialized(plain, {"sha256": checksum_of_tensors(plain)}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors that `write_tensors` wrote, those of float16 as float32.

    Raises CheckpointError if the file is missing or damaged.
    """
    import torch

    tensors, checksum = _read(path, "pt")
    _check(path, checksum, checksum_of_tensors(tensors))
    return {n: t.float() if t.dtype == torch.float16 else t for n, t in tensors.items()}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return as arrays what `write_tensors` wrote, without torch.

    Raises CheckpointError if the file is missing or damaged, or has a type that numpy lacks
    (bfloat16).
    """
    arrays, checksum = _read(path, "np")
    _check(path, checksum, checksum_of_arrays(arrays))
    return {n: a.astype(np.float32) if a.dtype == np.float16 else a for n, a in arrays.items()}


def checksum_of_arrays(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of arrays by name; equal to that of tensors of the same values."""
    return _checksum(
        (n, f"torch.{a.dtype}", a.shape, a.tobytes()) for n, a in sorted(arrays.items())
    )


def checksum_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of tensors by name: their types, shapes and bytes."""
    import torch

    return _checksum(
        (name, str(t.dtype), tuple(t.shape), t.reshape(-1).view(torch.uint8).numpy().tobytes())
        for name, t in sorted(tensors.items())
    )


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by the names PREFIX/NAME, so that one file holds several sets of them."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors named PREFIX/NAME, by NAME."""
    start = prefix + "/"
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a file, from its header alone; else as `read_tensors`."""
    try:
        entries = _header(path).items()
        return {
            name: tuple(int(size) for size in entry["shape"])
            for name, entry in entries
            if name != "__metadata__"
        }
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _read(path: Path, library: Literal["np", "pt"]) -> tuple[dict[str, Any], str | None]:
    """Return the tensors of a file by name, and the checksum stored with them."""
    try:
        checksum = _header(path).get("__metadata__", {}).get("sha256")
        if not _is_utf_8(path):
            return _from_bytes(path.read_bytes(), library), checksum
        with safetensors.safe_open(path, library) as file:
            return {name: file.get_tensor(name) for name in file.keys()}, checksum
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _header(path: Path) -> dict[str, Any]:
    """Return the header of a file; ValueError if it is larger than that of any network.

    safetensors itself reads headers of up to 100 MB, which take ten times as much memory.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > MOST_HEADER:
            raise ValueError(f"its header has {size:,} bytes; {MOST_HEADER:,} are allowed")
        header = json.loads(file.read(size))
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header


def _serialized(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """Return a file of tensors. Raises MemoryError where there is no memory for it.

    safetensors, which is written in Rust, raises a BaseException there that no module offers.
    """
    import safetensors.torch

    try:
        return safetensors.torch.save(tensors, metadata=metadata)
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise MemoryError(f"in safetensors: {error}") from error


def _is_utf_8(path: Path) -> bool:
    """Say whether a path is text to safetensors, which opens no other."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_bytes(data: bytes, library: Literal["np", "pt"]) -> dict[str, Any]:
    if library == "pt":
        import safetensors.torch

        return safetensors.torch.load(data)
    import safetensors.numpy

    return safetensors.numpy.load(data)


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{printable(path)} cannot be read as safetensors: {printable(error)}")


def _check(path: Path, stored: str | None, found: str) -> None:
    if stored != found:
        raise CheckpointError(
            f"{printable(path)} is damaged: its contents do not fit its checksum. Copy it again, "
            "or train anew"
        )


def _checksum(parts: Iterable[tuple[str, str, tuple[int, ...], bytes]]) -> str:
    """Return the SHA-256 of parts: name, type (as torch names it), shape and bytes of each."""
    digest = hashlib.sha256()
    for name, kind, shape, data in parts:
        digest.update(f"{name} {kind} {shape}\n".encode())
        digest.update(data)
    return digest.hexdigest()
