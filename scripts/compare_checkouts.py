"""Show that two checkouts of howlkit do the same: data, weights and music, to the last bit.

    python scripts/compare_checkouts.py BEFORE AFTER [--out FOLDER] [--jobs 2] [--only TEXT]

BEFORE and AFTER are folders with howlkit/ and plugins/. For a refactoring, which may move and
rename whatever Python sees: only the command line and the files that it writes are used.

Each checkout prepares the same music: MIDI files that are written here and, if HOWLKIT_DATA is set,
the smallest files of `FOLDERS` in it. Then it trains a small network for a few steps for every
encoder, model and kind of heads (`ENCODERS`, `MODELS`, `HEADS`) and for rarer options (`OTHERS`),
samples by plain and by compiled stepping, and evaluates; `OTHERS` are resumed too. One line a case
is printed: equal, or the first difference. Exit code 1 if there is any.

What is compared is every file that was written, with its name: tensors exactly, by name; JSON
without what `VOLATILE` names; all else (MIDI) byte by byte. And what the commands printed, without
times. `RENAMED` is the place for options that have another name in one of the checkouts.

To start a process takes seconds, so one process runs many commands: `--child` is its mode. All of
it takes some six minutes on two cores. Run it in an environment where howlkit and all of plugins/
are installed: their entry points are taken from there, and the code from each checkout.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RENAMED: dict[str, dict[str, str]] = {"before": {}, "after": {}}
"""By side: what is written here, and what that checkout calls it. A flag or command, such as
{"--stepping": "--runner"}, or a component's option, such as {"lstm.hidden": "lstm.units"}."""

VOLATILE = {"seconds", "notes_per_second", "state.json"}
"""JSON keys that no two runs agree about: times; and in manifests the hash of a file with times."""

ENCODERS = {
    "tuple": "",
    "remi": "",
    "event": "",
    "pianoroll": "",
    "voices": "",
    "howl": "",
    "miditok": "",  # all that benchmarks/matrix.py has; the next two have fields, and are fitted
    "miditok octuple": "-o miditok.tokenizer=Octuple",
    "miditok learnt": "-o miditok.tokenizer=TSD -o miditok.learn=BPE -o miditok.size=700",
}
MODELS = {
    "lstm": "-o lstm.hidden=24",
    "gru": "-o gru.hidden=24",
    "transformer": "-o transformer.width=16 -o transformer.layers=2 -o transformer.heads=2"
    " -o transformer.kv_heads=1 -o transformer.window=24",
    "ssm": "-o ssm.width=16 -o ssm.layers=2 -o ssm.inner=32 -o ssm.heads=2 -o ssm.states=8",
}
HEADS = {"chained": "-o heads.chained=true", "independent": "-o heads.chained=false"}
"""Names, and the options that belong to them; the first word is the component's own name."""

SMALL = (
    "-o heads.embedding=8 -o heads.width=16 -o training.batch=4 -o training.window=32"
    " -o training.carry=3 -o training.warmup=5 -o training.rate=0.01"
    " -o training.validate_every=10"
)

OTHERS = {
    "tuple in seconds, with tracks": "tuple lstm -o tuple.clock=seconds -o tuple.tracks=3"
    " -o tuple.pitch=octave -o tuple.pedals=true -o lstm.layers=2 -o lstm.locked=true"
    " -o lstm.weight_drop=0.2",
    "tuple, logistics": "tuple gru -o heads.ordered=logistics -o heads.components=3"
    " -o gru.block=2 -o gru.block_width=12",
    "tuple, repeats": "tuple lstm -o heads.repeats=pitch,shift -o heads.repeats_lag=2",
    "tuple, all repeats, input": "tuple lstm -o heads.repeats=all -o heads.input=20",
    "tuple, relative": "tuple gru -o heads.relative=true -o heads.skip=true -o heads.dropout=0.1",
    "tuple, augmented": "tuple lstm --augment transpose,stretch,velocity"
    " -o training.ema=0.9 -o tuple.programs=false",
    "tuple, transposed by octaves": "tuple transformer --augment transpose"
    " -o transpose.at_edge=octave -o training.clip=0 -o training.weight_decay=0",
    "tuple, bf16": "tuple lstm --precision bf16",
    "tuple, workers": "tuple lstm --workers 1 --augment stretch",
    "event in beats": "event gru -o event.clock=beats -o event.sustain=none"
    " -o event.velocities=1 -o event.programs=false",
    "event, pedal": "event lstm -o event.sustain=events -o event.programs=false",
    "event, few instruments": "event lstm -o event.instruments=0,33,128 -o event.longest_shift=2",
    "remi, plain": "remi lstm -o remi.velocities=1 -o remi.tempos=0 -o remi.programs=false",
    "pianoroll in seconds": "pianoroll lstm -o pianoroll.clock=seconds -o pianoroll.velocities=4",
    "pianoroll, no onsets": "pianoroll gru -o pianoroll.onsets=false -o pianoroll.position=false",
    "voices by pitch": "voices gru -o voices.assign=pitch -o voices.steps=changes"
    " -o voices.voices=3 -o voices.derived=none",
    "voices, no restrikes": "voices lstm -o voices.restrikes=false -o voices.derived=sounds"
    " -o voices.order=2,1,3,4 -o heads.relative=true",
    "howl, squared": "howl lstm -o heads.real=squared -o heads.chained=false -o lstm.block=2"
    " --augment transpose,stretch,velocity -o transpose.preset=howl -o stretch.preset=howl",
    "howl, relative": "howl gru -o heads.relative=true -o heads.components=2",
    "miditok CPWord": "miditok gru -o miditok.tokenizer=CPWord -o miditok.tempos=true",
    "miditok MIDILike": "miditok lstm -o miditok.tokenizer=MIDILike -o miditok.velocities=0",
    "miditok Structured": "miditok lstm -o miditok.tokenizer=Structured -o miditok.programs=false",
    "miditok MuMIDI": "miditok lstm -o miditok.tokenizer=MuMIDI",
    # No vocabulary by Unigram: the library learns another one each time (the plugin's README.md).
    "miditok MMM, learnt": "miditok gru -o miditok.tokenizer=MMM -o miditok.learn=BPE"
    " -o miditok.size=800",
    "miditok PerTok": "miditok lstm -o miditok.tokenizer=PerTok",
}
"""Encoder, model and options that nothing above has."""

SAMPLES = {
    "plain": "-n 2 --notes 60 --stepping plain",
    "compiled": "-n 2 --notes 60 --stepping compiled",
}
OTHER_SAMPLES = {
    "prompted": "--notes 30 --prompt prompt.mid --prompt-seconds 3",
    # --notes too: of a hardly trained model time may stand still.
    "shaped": "-n 3 --seconds 5 --notes 80 --may-end -o autoregressive.temperature=0.9"
    " -o autoregressive.top_k=9 -o autoregressive.min_p=0.01 -o autoregressive.first=random",
}
"""Ways to sample, of all cases and of `OTHERS` alone."""

FOLDERS = ("nottingham", "asap_performances")
REAL_FILES = 3  # of each folder

PATIENCE = 1200  # seconds, for all cases of a group
STEPS = 20
MORE_STEPS = 27  # where a resumed run ends

GENERAL = [
    "info data --json",
    "info data",
    "info music/piece-2.mid --json",
    "roundtrip data --json",
    "statistics data --json",
    "plot music/piece-2.mid --out plot.svg",
    "plugins list",
    *(f"{name} --help" for name in ("train", "sample", "prepare", "evaluate", "info")),
]
"""Commands of no one case."""

COMPONENTS = (
    "tuple remi event pianoroll voices howl miditok lstm gru transformer ssm transpose stretch"
    " velocity autoregressive chorales heads training"
).split()


@dataclass(frozen=True)
class Case:
    """Some commands that make one line of the report.

    name: what the line calls it. group: cases of one group run in one process, in their order.
    folder: what their files are below, in the folder of a side.
    """

    name: str
    group: str
    folder: str
    commands: tuple[tuple[str, ...], ...]


def main() -> int:
    """Run all cases in both checkouts and print what differs."""
    if sys.argv[1:2] == ["--child"]:
        return child(Path(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--out", type=Path, help="a new folder, which is kept")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--only", default="", help="only cases with this text in their name")
    parser.add_argument(
        "--files-only",
        action="store_true",
        help="no printed lines and model cards, and no compiled steps that one side alone has",
    )
    arguments = parser.parse_args()
    sides = {"before": arguments.before.resolve(), "after": arguments.after.resolve()}
    for checkout in sides.values():
        if not (checkout / "howlkit" / "__init__.py").is_file():
            parser.error(f"{checkout} is no checkout: there is no howlkit in it")
    with contextlib.ExitStack() as stack:
        if arguments.out is None:
            out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            out = arguments.out
            out.mkdir(parents=True)
        began = time.perf_counter()
        cases, differing = report(
            out.resolve(), sides, arguments.jobs, arguments.only, files_only=arguments.files_only
        )
        minutes = (time.perf_counter() - began) / 60
    print(f"{cases} cases, {differing} differ; {minutes:.1f} minutes", flush=True)
    return 1 if differing or not cases else 0


def report(
    out: Path, sides: dict[str, Path], jobs: int, only: str, *, files_only: bool
) -> tuple[int, int]:
    """Print a line for each case; return how many there are and how many of them differ."""
    write_music(out / "music")
    for side in sides:
        (out / side).mkdir()
        (out / side / "music").symlink_to(out / "music")
        (out / side / "prompt.mid").symlink_to(out / "music" / "piece-0.mid")
    prepared = Case("the dataset", "data", "data", (("prepare", *music(out), "--out", "data"),))
    wanted = [case for case in cases() if only in case.name]
    differing = sum(
        run_all(out, sides, some, jobs, files_only=files_only) for some in ([prepared], wanted)
    )
    return 1 + len(wanted), differing


def cases() -> Iterator[Case]:
    """Yield all cases that need the dataset."""
    general = [*(f"plugins show {name}" for name in COMPONENTS), *GENERAL]
    yield Case("general commands", "general", "general", tuple(tuple(c.split()) for c in general))
    for encoder, model, heads in itertools.product(ENCODERS, MODELS, HEADS):
        options = f"{ENCODERS[encoder]} {MODELS[model]} {HEADS[heads]}"
        name = f"{encoder} + {model}, {heads}"
        yield trained(name, encoder, encoder.split()[0], model, options, SAMPLES)
    for number, (name, line) in enumerate(OTHERS.items()):
        encoder, model, options = line.split(maxsplit=2)
        options = f"{MODELS[model]} {options}"
        group = f"others {number // 8}"
        yield trained(f"{name} + {model}", group, encoder, model, options, SAMPLES | OTHER_SAMPLES)


def trained(
    name: str, group: str, encoder: str, model: str, options: str, samples: dict[str, str]
) -> Case:
    """Return the case of one run: train, sample, evaluate and, if sampled in other ways, resume."""
    folder = "runs/" + re.sub(r"\W+", "-", name)
    run = f"{folder}/run"
    what = f"--encoder {encoder} --model {model} {SMALL} {options}"
    lines = [
        f"train data {what} --steps {STEPS} --seed 1 --out-dir {run}",
        *(f"sample {run} --seed 1 {how} --out {folder}/{k}.mid" for k, how in samples.items()),
        f"evaluate {run} --json",
        f"info {run} --json",
    ]
    if samples != SAMPLES:
        lines += [
            f"train data --init {run} --steps 5 --seed 2 {SMALL} --out-dir {folder}/tuned",
            f"train --resume --steps {MORE_STEPS} --out-dir {run}",
        ]
    return Case(name, group, folder, tuple(tuple(line.split()) for line in lines))


def music(out: Path) -> list[str]:
    """Return what is prepared: the music written here, and some real files if there are any."""
    found = [str(out / "music")]
    for name in FOLDERS if "HOWLKIT_DATA" in os.environ else ():
        files = [p for p in (Path(os.environ["HOWLKIT_DATA"]) / name).rglob("*.mid") if p.is_file()]
        files.sort(key=lambda path: (path.stat().st_size, str(path)))
        found += map(str, files[:REAL_FILES])
    return found


def run_all(
    out: Path, sides: dict[str, Path], wanted: list[Case], jobs: int, *, files_only: bool
) -> int:
    """Run cases on both sides, printing as they end; return how many differ."""
    groups = [list(g) for _, g in itertools.groupby(wanted, key=lambda case: case.group)]
    differing = 0
    with ThreadPoolExecutor(jobs) as pool:
        pending = [
            {side: pool.submit(run_group, out / side, side, sides[side], g) for side in sides}
            for g in groups
        ]
        try:
            for group, ends in zip(groups, pending, strict=True):
                found = lines(out, group, ends, files_only=files_only)
                for case, line in zip(group, found, strict=True):
                    differing += not line.startswith("equal")
                    print(f"{case.name:<44} {line}", flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return differing


def lines(
    out: Path, group: list[Case], ends: dict[str, Future[list[Any]]], *, files_only: bool
) -> Iterator[str]:
    """Yield for each case of a group whether it is equal, or the first difference."""
    said = {side: end.result() for side, end in ends.items()}
    for number, case in enumerate(group):
        one, other = ([plain(r, out / s) for r in said[s][number]] for s in ("before", "after"))
        difference = next(
            itertools.chain(
                broken(case, one, other, files_only=files_only),
                unlike_folders(out / "before", out / "after", case.folder, files_only=files_only),
                () if files_only else unlike_words(case, one, other),
            ),
            None,
        )
        yield f"DIFFERS {difference}" if difference else "equal" + remarks(case, one)


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


def plain(result: dict[str, Any], folder: Path) -> Result:
    """Return a result without what times and places do to it."""
    said = {name: result[name].replace(str(folder), "HERE") for name in ("out", "err")}
    kept = [
        re.sub(r"\b\d+:\d\d(:\d\d)?\b", "TIME", line)
        for line in said["err"].splitlines()
        # These come or not, as time passes.
        if not line.startswith(("step ", "Loading the model", "Compiling the model"))
    ]
    return Result(result["code"], said["out"], "\n".join(kept))


def broken(
    case: Case, one: list[Result], other: list[Result], *, files_only: bool
) -> Iterator[str]:
    """Yield what did not run at all; a case that trains nothing would be equal for nothing."""
    for command, before, after in zip(case.commands, one, other, strict=True):
        shown = f"howlkit {command[0]}"
        if files_only and refused(command, before) != refused(command, after):
            continue
        if before.code != after.code:
            last = [(r.err.splitlines() or [""])[-1] for r in (before, after)]
            yield f"{shown}: exit code {before.code} / {after.code}: {last[0]} / {last[1]}"
        elif before.code and not refused(command, before):
            yield f"nothing, as {shown} failed in both: {(before.err.splitlines() or [''])[-1]}"


def refused(command: tuple[str, ...], result: Result) -> bool:
    """Whether a model cannot be stepped by compiled code, and the command says so."""
    return "compiled" in command and result.code == 1 and "compiled code" in result.err


def remarks(case: Case, results: list[Result]) -> str:
    """Return what there is to say of equal results."""
    pairs = zip(case.commands, results, strict=True)
    return " (no compiled step)" if any(refused(c, r) for c, r in pairs) else ""


def unlike_words(case: Case, one: list[Result], other: list[Result]) -> Iterator[str]:
    """Yield where commands printed other lines."""
    for command, before, after in zip(case.commands, one, other, strict=True):
        for stream in ("out", "err"):
            ours, theirs = (getattr(r, stream).splitlines() for r in (before, after))
            for x, y in itertools.zip_longest(ours, theirs, fillvalue="nothing"):
                if x != y:
                    yield f"howlkit {' '.join(command[:2])} printed: {cut(x)} / {cut(y)}"


def unlike_folders(before: Path, after: Path, folder: str, *, files_only: bool) -> Iterator[str]:
    """Yield what differs between the files below one folder of the two sides."""
    names = [
        {str(p.relative_to(side)) for p in (side / folder).rglob("*") if p.is_file()}
        for side in (before, after)
    ]
    for name in sorted(names[0] | names[1], key=telling):
        if files_only and (name.endswith(".md") or is_one_sided(name, names)):
            continue
        if name not in names[0] & names[1]:
            yield f"{name}: only {'before' if name in names[0] else 'after'}"
            continue
        one, other = before / name, after / name
        if name.endswith(".safetensors"):
            yield from (f"{name}: {d}" for d in unlike_tensors(one, other))
        elif name.endswith((".json", ".jsonl")):
            yield from (f"{name}: {d}" for d in unlike_json(one, other, before, after))
        elif one.read_bytes() != other.read_bytes():
            yield f"{name}: {unlike_bytes(one.read_bytes(), other.read_bytes())}"


def is_one_sided(name: str, names: list[set[str]]) -> bool:
    """Whether a file is music by a compiled step that one side alone has."""
    return Path(name).name.startswith("compiled") and name not in names[0] & names[1]


def telling(name: str) -> tuple[bool, bool, bool, str]:
    """Return a key that puts first what says best why a case differs.

    That is notes or options, then weights; last the manifests, which hold hashes of other files.
    """
    path = Path(name)
    in_run = path.parent.name == "run" or "checkpoints" in path.parts
    settled = path.name == "config.json" or path.name.startswith("shard-")
    return path.name == "manifest.json", not (in_run or settled), not settled, name


def unlike_tensors(one: Path, other: Path) -> Iterator[str]:
    """Yield what differs between two files of tensors."""
    import numpy as np
    from safetensors import safe_open

    with safe_open(one, "numpy") as ours, safe_open(other, "numpy") as theirs:
        for name in sorted({*ours.keys()} ^ {*theirs.keys()}):
            yield f"tensor {name} only {'before' if name in ours.keys() else 'after'}"
        for name in sorted({*ours.keys()} & {*theirs.keys()}):
            x, y = ours.get_tensor(name), theirs.get_tensor(name)
            if (x.dtype, x.shape) != (y.dtype, y.shape):
                yield f"tensor {name}: {x.dtype} {x.shape} / {y.dtype} {y.shape}"
            elif x.tobytes() != y.tobytes():
                bytes_of = (np.atleast_1d(z).view(np.uint8).reshape(*z.shape, -1) for z in (x, y))
                places = np.argwhere(np.not_equal(*bytes_of).any(axis=-1))
                at = tuple(places[0].tolist())
                yield f"tensor {name}{list(at)}: {x[at]} / {y[at]}; {len(places)} of {x.size}"
        if ours.metadata() != theirs.metadata():
            yield f"metadata {cut(ours.metadata())} / {cut(theirs.metadata())}"


def unlike_json(one: Path, other: Path, before: Path, after: Path) -> Iterator[str]:
    """Yield what differs between two files of JSON, or of a line of JSON each."""
    texts = [
        path.read_text(encoding="utf-8").replace(str(side), "HERE")
        for path, side in ((one, before), (other, after))
    ]
    if one.suffix == ".json":
        yield from unlike_values(*map(json.loads, texts))
    else:
        rows = ([json.loads(line) for line in text.splitlines()] for text in texts)
        yield from unlike_values(*rows)


def unlike_values(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Yield where two values of JSON differ; the order of keys counts, as people read it."""
    if isinstance(one, dict) and isinstance(other, dict):
        ours, theirs = ([k for k in value if k not in VOLATILE] for value in (one, other))
        if ours != theirs:
            yield f"{at or 'keys'}: {cut(ours)} / {cut(theirs)}"
        for key in ours:
            if key in other:
                yield from unlike_values(one[key], other[key], f"{at}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (x, y) in enumerate(zip(one, other, strict=True)):
            yield from unlike_values(x, y, f"{at}[{number}]")
    elif (type(one), repr(one)) != (type(other), repr(other)):
        yield f"{at}: {cut(one)} / {cut(other)}"


def unlike_bytes(one: bytes, other: bytes) -> str:
    """Say where two files differ first."""
    pairs = enumerate(zip(one, other, strict=False))
    at = next((n for n, (x, y) in pairs if x != y), min(len(one), len(other)))
    return f"byte {at} of {len(one)} / {len(other)}"


def cut(value: object) -> str:
    """Return a value as text that fits a line."""
    text = str(value)
    return text if len(text) <= 100 else text[:100] + " ..."


def run_group(folder: Path, side: str, checkout: Path, group: list[Case]) -> list[Any]:
    """Run cases in a process of their own; return a list of results for each case."""
    plan = folder / f".plan-{group[0].group.replace(' ', '-')}.json"
    commands = [[worded(side, c) for c in case.commands] for case in group]
    plan.write_text(json.dumps({"checkout": str(checkout), "cases": commands}), encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOWLKIT_", "PYTHON"))}
    plugins = sorted(p for p in (checkout / "plugins").glob("*") if p.is_dir())
    environment = kept | {
        "PYTHONPATH": os.pathsep.join(map(str, [checkout, *plugins])),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "HOWLKIT_CACHE": str(folder / ".cache"),
        # Compiled anew: a kept step notices no change of a module that it was compiled with.
        "NUMBA_CACHE_DIR": str(folder / ".numba"),
        "COLUMNS": "100",
    }
    command = [sys.executable, "-P", str(Path(__file__).resolve()), "--child", str(plan)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"{side}: the process of {group[0].group} does not end") from error
    answer = plan.with_suffix(".answer")
    if done.returncode or not answer.is_file():
        raise SystemExit(f"{side}: the process of {group[0].group} failed:\n{done.stderr}")
    return json.loads(answer.read_text(encoding="utf-8"))


def worded(side: str, command: tuple[str, ...]) -> list[str]:
    """Return a command as the checkout of a side words it."""
    words = []
    for word in command:
        name, equals, value = word.partition("=")
        words.append(RENAMED[side].get(name, name) + equals + value)
    return words


def child(plan: Path) -> int:
    """Run the commands of a plan in this process, and write how each ended beside it."""
    from howlkit.cli import main as howlkit

    asked = json.loads(plan.read_text(encoding="utf-8"))
    results = [[called(howlkit, command) for command in case] for case in asked["cases"]]
    strangers = foreign(Path(asked["checkout"]))
    if strangers:
        print(f"imported from elsewhere: {', '.join(strangers)}", file=sys.stderr)
        return 1
    plan.with_suffix(".answer").write_text(json.dumps(results), encoding="utf-8")
    return 0


def called(howlkit: Any, command: list[str]) -> dict[str, Any]:
    """Run a command; return its exit code and what it printed."""
    out, err, code = io.StringIO(), io.StringIO(), -1
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            howlkit(command)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        except Exception:
            traceback.print_exc()
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def foreign(checkout: Path) -> list[str]:
    """Return the modules of howlkit and its plugins that do not come from a checkout."""
    return [
        f"{name} ({module.__file__})"
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0].startswith("howlkit")
        and getattr(module, "__file__", None)
        and not Path(module.__file__).resolve().is_relative_to(checkout)
    ]


Events = list[tuple[int, bytes]]
"""Ticks and what happens then, in any order."""


def write_music(folder: Path) -> None:
    """Write MIDI files that differ in all that a file can have, the same ones every time."""
    folder.mkdir()
    for number in range(12):
        dice = random.Random(number)
        division = (480, 480, 96, 1000)[number % 4]
        tracks = [conductor(dice, division)]
        tracks += [melody(dice, division, 0, 60 + 4 * (number % 3), (0, 24, 40)[number % 3])]
        if number % 2:
            tracks.append(melody(dice, division, 1, 43, 33))
        if number % 3 == 2:
            tracks += [drums(dice, division), melody(dice, division, 2, 76, 73)]
        write_file(folder / f"piece-{number}.mid", division, tracks)
    data = (folder / "piece-1.mid").read_bytes()
    (folder / "twin.mid").write_bytes(data)
    (folder / "broken.mid").write_bytes(data[: len(data) // 2])
    (folder / "no.mid").write_bytes(b"this is no MIDI file")
    for number, key in ((12, 0), (13, 3)):  # a piece, and a transposition of it
        dice = random.Random(12)
        tracks = [conductor(dice, 480), melody(dice, 480, 0, 60 + key, 0)]
        write_file(folder / f"piece-{number}.mid", 480, tracks)


def conductor(dice: random.Random, division: int) -> Events:
    """Return tempi, metres and keys."""
    beats = 4 * division
    events: Events = [(0, b"\xff\x51\x03" + dice.randrange(400_000, 700_000).to_bytes(3, "big"))]
    for bar in range(0, 12, dice.choice((3, 4, 20))):
        metre = dice.choice(((4, 2), (3, 2), (6, 3)))
        events.append((bar * beats, b"\xff\x58\x04" + bytes((*metre, 24, 8))))
        events.append((bar * beats, b"\xff\x59\x02" + struct.pack(">bB", dice.randint(-4, 4), 0)))
        tempo = dice.randrange(300_000, 900_000).to_bytes(3, "big")
        events.append((bar * beats + division, b"\xff\x51\x03" + tempo))
    return events


def melody(dice: random.Random, division: int, channel: int, pitch: int, program: int) -> Events:
    """Return a walk with chords, rests, overlaps, odd lengths, pedal and slips, around a pitch."""
    events: Events = [(0, bytes((0xC0 | channel, program)))]
    tick, middle = dice.choice((0, division)), pitch
    for _ in range(dice.randint(60, 90)):
        pitch = min(max(pitch + dice.randint(-5, 5), middle - 14), middle + 14)
        for above in (0, 4, 7)[: dice.choice((1, 1, 1, 2, 3))]:
            length = max(1, division * dice.choice((1, 2, 3, 4, 6, 17)) // 4 - dice.randint(0, 9))
            length *= dice.random() > 0.02  # some notes have no length
            velocity = dice.randint(25, 120)
            events.append((tick, bytes((0x90 | channel, pitch + above, velocity))))
            end = dice.choice((0x80, 0x90)) | channel  # a note-on of velocity 0 ends a note too
            events.append((tick + length, bytes((end, pitch + above, 0))))
        if dice.random() < 0.1:
            events.append((tick, bytes((0xB0 | channel, 64, 127))))
            events.append((tick + division, bytes((0xB0 | channel, 64, 0))))
        tick += division * dice.choice((1, 1, 1, 2, 2, 3, 24)) // 4 * dice.choice((1, 1, 2))
        tick += dice.choice((0, 0, 0, 1, 2))
    if dice.random() < 0.3:  # a pedal and a note that are never released
        events.append((tick, bytes((0xB0 | channel, 64, 127))))
        events.append((tick, bytes((0x90 | channel, middle, 64))))
    return events


def drums(dice: random.Random, division: int) -> Events:
    """Return a beat of some drums."""
    events: Events = []
    for eighth in range(64):
        tick, pitch = eighth * division // 2, 36 if eighth % 4 == 0 else dice.choice((38, 42, 46))
        events.append((tick, bytes((0x99, pitch, 60 + dice.randint(0, 60)))))
        events.append((tick + division // 8, bytes((0x89, pitch, 0))))
    return events


def write_file(path: Path, division: int, tracks: Iterable[Events]) -> None:
    """Write a MIDI file of tracks; at one tick, what was added first comes first."""
    chunks = []
    for events in tracks:
        body, now = b"", 0
        for tick, data in sorted(events, key=lambda event: event[0]):
            body, now = body + wait(tick - now) + data, tick
        body += b"\0\xff\x2f\x00"
        chunks.append(b"MTrk" + struct.pack(">I", len(body)) + body)
    head = struct.pack(">4sIHHH", b"MThd", 6, 1, len(chunks), division)
    path.write_bytes(head + b"".join(chunks))


def wait(ticks: int) -> bytes:
    """Return a delta time as the standard spells it."""
    out = [ticks & 127]
    while ticks := ticks >> 7:
        out.append(ticks & 127 | 128)
    return bytes(reversed(out))


if __name__ == "__main__":
    sys.exit(main())
