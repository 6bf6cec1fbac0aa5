"""Weights as a safetensors file with a checksum, read as torch's tensors or as numpy arrays.

A file may hold weights in half precision, to be small (`write_tensors(..., half=True)`); they are
read as float32, so nothing else knows of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import safetensors
from numpy.typing import NDArray

from howlkit.atomic_files import write_whole
from howlkit.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "checksum_of_arrays",
    "checksum_of_tensors",
    "read_arrays",
    "read_tensors",
    "with_prefix",
    "without_prefix",
    "write_tensors",
]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], *, half: bool = False) -> None:
    """Write tensors as safetensors with a checksum, atomically and flushed to the disk.

    half: store those of float32 as float16.
    """
    import safetensors.torch
    import torch

    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    if half:
        plain = {n: t.half() if t.dtype == torch.float32 else t for n, t in plain.items()}
    data = safetensors.torch.save(plain, metadata={"sha256": checksum_of_tensors(plain)})
    write_whole(path, data)


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


def _read(path: Path, library: Literal["np", "pt"]) -> tuple[dict[str, Any], str | None]:
    """Return the tensors of a file by name, and the checksum stored with them."""
    try:
        with safetensors.safe_open(path, library) as file:
            checksum = (file.metadata() or {}).get("sha256")
            return {name: file.get_tensor(name) for name in file.keys()}, checksum
    except (
        OSError, safetensors.SafetensorError, ValueError, KeyError, OverflowError, TypeError
    ) as error:  # fmt: skip
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error


def _check(path: Path, stored: str | None, found: str) -> None:
    if stored != found:
        raise CheckpointError(
            f"{path} is damaged: its contents do not fit its checksum. Copy it again, or train anew"
        )


def _checksum(parts: Iterable[tuple[str, str, tuple[int, ...], bytes]]) -> str:
    """Return the SHA-256 of parts: name, type (as torch names it), shape and bytes of each."""
    digest = hashlib.sha256()
    for name, kind, shape, data in parts:
        digest.update(f"{name} {kind} {shape}\n".encode())
        digest.update(data)
    return digest.hexdigest()
