"""What all speed benchmarks share: alternated timings, medians, the machine, one form of JSON.

Times on a shared machine drift, so two things to compare are timed in turns, A B A B, and judged by
the median of the ratios of neighbours. A topic's result is a JSON object:

    {"topic": str, "command": str, "machine": {...}, "versions": {...}, "rows": [...],
     "notes": [str]}

with rows {"what": str, "data": str, "median": float, "low": float, "high": float, "unit": str,
"limit": float|null, "limit_name": str, "peer": float|null, "peer_name": str}: `limit` and `peer` in
the row's own unit, `low` and `high` the least and the greatest sample. Optional: "to_limit" and
"to_peer", medians of the ratios of neighbours, in place of the ratio of medians; "asked", the aim
for the ratio to `limit`, such as ">= 0.95". `report.py` makes docs/benchmarks.md of all topics.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RUNS = Path("runs/bench")
VERSIONS = ("howlkit", "torch", "numpy", "symusic")


def alternated(repeats, *calls, warmup=1, clock=time.perf_counter):
    """Return the seconds that each of `calls` took, in turns: a list of `repeats` for each.

    warmup: the number of turns before, which are not timed. Results of the calls are thrown away.
    clock: returns seconds; `time.thread_time` leaves out those that went to other programs.
    """
    for _ in range(warmup):
        for call in calls:
            call()
    seconds = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, seconds, strict=True):
            began = clock()
            call()
            taken.append(clock() - began)
    return seconds


def rates(count, seconds):
    """Return `count` divided by each of `seconds`."""
    return [count / s for s in seconds]


def ratio(ours, theirs):
    """Return the median of the ratios of neighbours in two alternated series."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def row(
    what, samples, unit, *, data="", limit=None, limit_name="", peer=None, peer_name="", asked=""
):
    """Return a row of the result; limit, peer: series alternated with `samples`, or a number."""
    made = {
        "what": what,
        "data": data,
        "median": statistics.median(samples),
        "low": min(samples),
        "high": max(samples),
        "unit": unit,
    }
    for name, other, called in (("limit", limit, limit_name), ("peer", peer, peer_name)):
        series = isinstance(other, list)
        made[name] = statistics.median(other) if series else other
        made[f"{name}_name"] = called
        if series and len(other) == len(samples):
            made[f"to_{name}"] = ratio(samples, other)
    return made | ({"asked": asked} if asked else {})


def machine():
    """Return the facts about the machine on which figures depend."""
    facts = {
        "cpu": _from_proc("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _from_proc("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "date": time.strftime("%Y-%m-%d"),
    }
    if hasattr(os, "getloadavg"):
        facts["load"] = [round(load, 2) for load in os.getloadavg()]  # by other programs
    return facts


def _from_proc(path, key):
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def versions(*more):
    """Return the versions of howlkit, its main dependencies and `more`; "-": not installed."""
    found = {"python": platform.python_version()}
    for name in (*VERSIONS, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "-"
    return found


def arguments(doc, topic):
    """Return an ArgumentParser with the options of all topics: --json, --threads, --repeats."""
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0])
    parser.add_argument("--json", type=Path, default=RUNS / f"{topic}.json", metavar="FILE")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--repeats", type=int, default=5, help="timings of each, in turns")
    return parser


def write(path, topic, rows, *, notes=(), peers=(), machine_before=None):
    """Write the result to `path` and print it.

    peers: distributions that are compared, for their versions. machine_before: what `machine()`
    returned at the start, when the load was that of other programs.
    """
    result = {
        "topic": topic,
        "command": " ".join(["python", *map(_plain, sys.argv)]),
        "machine": machine_before or machine(),
        "versions": versions(*peers),
        "rows": rows,
        "notes": list(notes),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    for made in rows:
        print(line(made), file=sys.stderr)
    print(path)


def _plain(word):
    """Return a word of the command line, of an absolute path only the name."""
    path = Path(word)
    return path.name if path.is_absolute() else word


def line(made):
    """Return a row as a line of text."""
    parts = [f"{made['what']}, {made['data']}" if made["data"] else made["what"]]
    parts.append(f"{made['median']:.4g} ({made['low']:.4g}..{made['high']:.4g}) {made['unit']}")
    for name in ("limit", "peer"):
        if made[name]:
            by = made.get(f"to_{name}", made["median"] / made[name])
            parts.append(f"{by:.3g} x {made[f'{name}_name']}")
    return "; ".join(parts)
