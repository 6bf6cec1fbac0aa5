"""MidiTok's tokenizers: made from options or from a tokenizer.json, learnt, packed as text."""

from __future__ import annotations

import base64
import json
import tempfile
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import miditok
from miditok import TokenizerConfig

from howlkit.errors import OptionError

__all__ = ["NAMES", "PACKED", "fit", "load", "make", "pack", "quiet"]

NAMES = (
    "REMI",
    "TSD",
    "MIDILike",
    "Structured",
    "CPWord",
    "Octuple",
    "MuMIDI",
    "MMM",
    "PerTok",
)

PACKED = "packed:"
"""The prefix of text that is the content of a tokenizer.json, not a path."""

MOST_BARS = 256  # the bars that Octuple and MuMIDI number; later music is left out

# The tokenizers with which MidiTok loses metres: Octuple places the first note after a change of
# the denominator in positions of the metre before; PerTok multiplies by the denominator; MMM writes
# metres in each track, and decoded music has them all.
LOSES_METRE = ("Octuple", "PerTok", "MMM")

# What MidiTok can write but a Piece cannot hold; and intervals, which may lead to a pitch outside
# the range, so that an allowed token would be no note.
REFUSED = {
    "use_pitch_intervals": "pitch intervals",
    "use_chords": "chords",
    "use_pitch_bends": "pitch bends",
    "use_control_changes": "control changes",
}


def make(name: str, *, grid: int, velocities: int, programs: bool, tempos: bool) -> Any:  # noqa: ANN401
    """Return a tokenizer of MidiTok by the name of its class.

    grid: positions a beat. velocities: the number of velocities, 0 for no velocity tokens.
    programs: whether there are instruments, or one piano. tempos: whether tempi are tokens.
    """
    config = TokenizerConfig(
        pitch_range=(0, 127),
        drums_pitch_range=(0, 127),
        beat_res=_resolutions(name, grid),
        num_velocities=max(velocities, 1),
        use_velocities=velocities > 0,
        special_tokens=["PAD"],
        encode_ids_split="no",
        use_programs=programs,
        one_token_stream_for_programs=programs,
        use_tempos=tempos,
        use_time_signatures=name not in LOSES_METRE,
        delete_equal_successive_time_sig_changes=True,
        **_additional(name, grid),
    )
    with quiet():
        return getattr(miditok, name)(config)


def _resolutions(name: str, grid: int) -> dict[tuple[int, int], int]:
    if name == "PerTok":
        return {(0, 16): grid}
    return {(0, 4): grid, (4, 16): grid // 2 if grid % 2 == 0 else grid}


def _additional(name: str, grid: int) -> dict[str, Any]:
    """Return the settings that only some tokenizers have."""
    if name == "MMM":
        return {"base_tokenizer": "TSD"}
    if name in ("Octuple", "MuMIDI"):
        return {"max_bar_embedding": MOST_BARS}
    if name == "PerTok":  # notes may lie half a position off the grid, in 40ths
        return {
            "ticks_per_quarter": 40 * grid,
            "use_microtiming": True,
            "max_microtiming_shift": 0.5 / grid,
            "num_microtiming_bins": 40,
        }
    return {}


def load(text: str) -> Any:  # noqa: ANN401 - a MusicTokenizer
    """Return the tokenizer of a tokenizer.json; text: its path, or its packed content.

    Raises OptionError if it cannot be read, or has settings that howlkit cannot use.
    """
    content = _content(text)
    with tempfile.TemporaryDirectory() as folder:  # MidiTok reads files only
        path = Path(folder, "tokenizer.json")
        path.write_text(content, encoding="utf-8")
        try:
            name = json.loads(content)["tokenization"]
            with quiet():
                tokenizer = getattr(miditok, name)(params=path)
        except Exception as error:  # MidiTok raises anything
            raise OptionError(
                f"miditok.params is no tokenizer.json that MidiTok {miditok.__version__} reads: "
                f"{type(error).__name__}: {error}"
            ) from error
    _check(tokenizer, name)
    return tokenizer


def _check(tokenizer: Any, name: str) -> None:  # noqa: ANN401
    config = tokenizer.config
    if name not in NAMES:
        raise OptionError(f"miditok.params is of {name!r}; these are known: {', '.join(NAMES)}")
    for attribute, what in REFUSED.items():
        if getattr(config, attribute) and not (name == "MuMIDI" and "interval" in attribute):
            raise OptionError(f"miditok.params has {what}; set {attribute} to false in it")
    if config.use_programs and not tokenizer.one_token_stream:
        raise OptionError(
            "miditok.params has a sequence for each track; set one_token_stream_for_programs to "
            "true in it (or take MMM)"
        )


def _content(text: str) -> str:
    if text.startswith(PACKED):
        try:
            return zlib.decompress(base64.b85decode(text.removeprefix(PACKED))).decode()
        except (ValueError, zlib.error) as error:
            raise OptionError(f"miditok.params is damaged: {error}") from error
    try:
        return Path(text).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise OptionError(
            f"miditok.params is {text!r}, which cannot be read ({error}); give the path of a "
            "tokenizer.json, as MidiTok's tokenizer.save(PATH) writes it"
        ) from error


def pack(path: str) -> str:
    """Return the content of a tokenizer.json as one line of text, for `load`."""
    return _packed(_content(path))


def _packed(content: str) -> str:
    tight = json.dumps(json.loads(content), separators=(",", ":"))
    return PACKED + base64.b85encode(zlib.compress(tight.encode(), 9)).decode()


def fit(tokenizer: Any, model: str, size: int, sequences: Iterable[list[int]]) -> str:  # noqa: ANN401
    """Learn a vocabulary of `size` tokens from sequences of ids; return the tokenizer packed.

    model: BPE, Unigram or WordPiece. Raises OptionError if there is nothing to learn.
    """
    if tokenizer.is_multi_voc:
        raise OptionError(
            f"{type(tokenizer).__name__} has several fields a step, so no vocabulary can be "
            "learnt for it; take miditok.learn=none"
        )
    base = len(tokenizer)
    if size <= base:
        raise OptionError(
            f"miditok.size is {size}; the vocabulary without what is learnt has {base} already"
        )
    texts = [tokenizer._ids_to_bytes(ids, as_one_str=True) for ids in sequences if ids]
    if not texts:
        raise OptionError("there is no music to learn a vocabulary from")
    with quiet():
        tokenizer.train(vocab_size=size, model=model, iterator=texts)
    return _packed(json.dumps(tokenizer.to_dict()))


@contextmanager
def quiet() -> Iterator[None]:
    """Silence MidiTok's warnings: the README describes what they are about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
