"""Functions for compiled steps, by numba, in float32: arithmetic, products, rows of tables.

The networks' steps are built on these: step_kernels.py (fields and heads), drawing_kernels.py
(from logits to a value), and the kernels of each model. Only files called `*kernels.py` import
numba, so that howlkit works without it.

numba keeps machine code until the file of a function changes, but does not notice changes of the
functions that it calls in other files. So `compiled` deletes machine code that is older than any
file of kernels here.

Compiling takes seconds, so each function that is compiled is logged at level INFO; one of which the
machine code is kept is not.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import event
from numpy.typing import NDArray

__all__ = [
    "LOWEST",
    "ONE",
    "ZERO",
    "Array",
    "Number",
    "add_row",
    "add_rows",
    "compiled",
    "exp",
    "gelu",
    "product",
    "selu",
    "sigmoid",
    "tanh",
]

F = TypeVar("F", bound=Callable[..., Any])
Array = NDArray[Any]
Number = Any  # float32 or an integer: numba finds out

# Sums may be reordered, so that they use vector units; NaN and infinity keep their meaning.
REORDERED = {"reassoc", "contract", "arcp", "nsz", "afn"}

ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
LOG2_E, LN_2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
LOWEST, HIGHEST = np.float32(-87), np.float32(88)  # e^x is a normal float32 between them


class _Log(event.Listener):
    """Logs what numba begins to compile."""

    def on_start(self, event: Any) -> None:  # noqa: ANN401 - as numba's
        logging.getLogger(__name__).info("compiling %s", event.data["dispatcher"].py_func.__name__)

    def on_end(self, event: Any) -> None:  # noqa: ANN401 - as numba's
        pass


event.register("numba:compile", _Log())  # type: ignore[no-untyped-call]


def compiled(function: F) -> F:
    """Compile a function when it is first called, and keep the machine code.

    numba keeps it in NUMBA_CACHE_DIR, or else in the package's folder, or else, if that cannot be
    written to, in the user's cache; if it can write nowhere, code lasts as long as the process.
    """
    _drop_outdated(Path(function.__code__.co_filename))
    options: dict[str, Any] = {"fastmath": REORDERED, "error_model": "numpy"}
    try:
        kept: F = numba.njit(cache=True, **options)(function)
        return kept
    except RuntimeError:  # "no locator available"
        lost: F = numba.njit(**options)(function)
        return lost


@cache
def _drop_outdated(file: Path) -> None:
    """Delete the machine code kept for a file if it is older than the kernels of this folder."""
    newest = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*kernels.py"))
    for kept in (file.parent / "__pycache__").glob(f"{file.stem}.*.nb[ic]"):
        with contextlib.suppress(OSError):  # another process may do the same; it may be read-only
            if kept.stat().st_mtime < newest:
                kept.unlink()


@compiled
def exp(x: Number) -> Number:
    """Return e^x, within two units in the last place between LOWEST and HIGHEST.

    2^n times a polynomial on -ln 2 / 2 .. ln 2 / 2 (Cephes' expf, Moshier 1989): unlike the
    library's function, the compiler turns it into vector instructions.
    """
    x = min(max(x, LOWEST), HIGHEST)
    n = np.floor(x * LOG2_E + HALF)
    x = x - n * LN_2
    y = np.float32(1.9875691500e-4)
    y = y * x + np.float32(1.3981999507e-3)
    y = y * x + np.float32(8.3334519073e-3)
    y = y * x + np.float32(4.1665795894e-2)
    y = y * x + np.float32(1.6666665459e-1)
    y = y * x + np.float32(5.0000001201e-1)
    power = np.int32((int(n) + 127) << 23).view(np.float32)
    return (y * x * x + x + ONE) * power


@compiled
def sigmoid(x: Number) -> Number:
    """Return 1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@compiled
def tanh(x: Number) -> Number:
    """Return the hyperbolic tangent of x."""
    return TWO * sigmoid(TWO * x) - ONE


@compiled
def gelu(x: Number) -> Number:
    """Return x times the normal distribution function of x; Abramowitz and Stegun 7.1.26."""
    z = abs(x) * np.float32(0.7071067811865476)
    t = ONE / (ONE + np.float32(0.3275911) * z)
    y = np.float32(1.061405429)
    y = y * t - np.float32(1.453152027)
    y = y * t + np.float32(1.421413741)
    y = y * t - np.float32(0.284496736)
    y = y * t + np.float32(0.254829592)
    rest = y * t * exp(-z * z)
    erf = ONE - rest if x >= ZERO else rest - ONE
    return HALF * x * (ONE + erf)


@compiled
def selu(x: Number) -> Number:
    """Return SELU of x (Klambauer et al. 2017)."""
    negative = np.float32(1.6732632423543772) * (exp(min(x, ZERO)) - ONE)
    return np.float32(1.0507009873554805) * (x if x > ZERO else negative)


@compiled
def product(matrix: Array, x: Array, y: Array) -> None:
    """Set y (rows,) to matrix (rows, columns) times x (columns,)."""
    for i in range(matrix.shape[0]):
        total = ZERO
        for j in range(matrix.shape[1]):
            total += matrix[i, j] * x[j]
        y[i] = total


@compiled
def add_row(tables: Array, index: Array, bias: Array, y: Array) -> None:
    """Set y (G,) to bias (G,) plus the sum of the rows `index` (C,) of tables (R, G)."""
    for j in range(len(y)):
        y[j] = bias[j]
    for c in range(len(index)):
        row = tables[index[c]]
        for j in range(len(y)):
            y[j] += row[j]


@compiled
def add_rows(tables: Array, index: Array, bias: Array, y: Array) -> None:
    """Set y (B, G) to bias (G,) plus the rows `index` (B, C) of tables (R, G)."""
    for b in range(len(y)):
        add_row(tables, index[b], bias, y[b])
