"""Writes docs/benchmarks.md from the results of the speed benchmarks in runs/bench.

    python benchmarks/report.py [--runs runs/bench] [--out docs/benchmarks.md]

measuring.py describes the form of the results.
"""

import argparse
import json
from pathlib import Path

TITLES = {
    "encoding": "MIDI files to steps",
    "scaling": "Datasets: processes, memory, opening",
    "training": "Training and feeding it",
    "generating": "Generating",
    "grammars": "A step beside the network",
    "rules": "Rules beside the network",
    "transformer_stepping": "A token of howlkit-transformer",
    "starting": "Starting",
    "first_minute": "The first minute",
    "rendering": "Sound",
}
"""Topics in the order of the page; all others come last, under their own names."""

HEAD = """# Benchmarks

Made by `make bench` (benchmarks/report.py) from the JSON of each topic: do not edit. What is
compared was timed in turns on one machine, which others may have been using: the load is given, and
ratios hold where absolute figures do not. Each figure is a median, with the extremes beside it; a
ratio is the median of the ratios of neighbours in time, where both were timed in turns. *Asked* is
what the ratio to the limit was to reach.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/bench"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    options = parser.parse_args()
    results = [json.loads(path.read_text()) for path in sorted(options.runs.glob("*.json"))]
    if not results:
        raise SystemExit(f"there are no results in {options.runs}: run `make bench`")
    order = list(TITLES)
    results.sort(key=lambda r: order.index(r["topic"]) if r["topic"] in order else len(order))
    sections = [HEAD, *map(section, results)]
    options.out.write_text("\n".join(sections))
    print(options.out)


def section(result):
    """Return the part of the page on one topic."""
    lines = [f"## {TITLES.get(result['topic'], result['topic'])}", ""]
    if "command" in result:
        lines += [f"    {result['command']}", ""]
    lines += [f"{facts(result)}.", "", *table(result["rows"]), ""]
    lines += [f"- {note}" for note in result["notes"]] + ([""] if result["notes"] else [])
    return "\n".join(lines)


def facts(result):
    """Return the machine and the versions as a line of text."""
    machine = dict(result["machine"])
    load = machine.pop("load", None)
    words = [str(machine.pop(name, "")) for name in ("cpu", "cores", "memory", "system", "date")]
    words[1] += " cores"
    words += [f"{name} {value}" for name, value in machine.items()]
    if load is not None:
        words.append(f"load {load[0]:.1f} at the start")
    versions = [f"{name} {version}" for name, version in result["versions"].items()]
    return "; ".join([", ".join(filter(None, words)), ", ".join(versions)])


def table(rows):
    """Yield the lines of a table, without columns that are empty in all rows."""
    columns = {
        "what": lambda r: r["what"],
        "on": lambda r: r["data"],
        "median": lambda r: f"{number(r['median'])} {r['unit']}",
        "spread": lambda r: f"{number(r['low'])}..{number(r['high'])}",
        "x limit": lambda r: ratio(r, "limit"),
        "limit": lambda r: compared_with(r, "limit"),
        "asked": lambda r: r.get("asked", ""),
        "x peer": lambda r: ratio(r, "peer"),
        "peer": lambda r: compared_with(r, "peer"),
    }
    cells = {name: [cell(row) for row in rows] for name, cell in columns.items()}
    cells = {name: column for name, column in cells.items() if any(column)}
    yield "| " + " | ".join(cells) + " |"
    yield "|" + "---|" * len(cells)
    for line in zip(*cells.values(), strict=True):
        yield "| " + " | ".join(text.replace("|", "\\|") for text in line) + " |"


def ratio(row, name):
    """Return the ratio of a row to its limit or peer."""
    if not row[name]:
        return ""
    return f"{row.get(f'to_{name}', row['median'] / row[name]):.3g}"


def compared_with(row, name):
    """Return the name and the figure of a row's limit or peer."""
    if row[name] is None:
        return row[f"{name}_name"]
    return f"{row[f'{name}_name']}: {number(row[name])}"


def number(value):
    """Return three digits, with commas from a thousand on."""
    if abs(value) < 1000:
        return f"{value:.3g}"
    digits = len(str(int(abs(value)))) - 3
    return f"{round(value, -digits):,.0f}"


if __name__ == "__main__":
    main()
