"""Nats a note of the built-in models on real music; prints the table of docs/measurements.md.

    HOWLKIT_DATA=folder python benchmarks/quality.py [--minutes 3] [--long 10] [--only TEXT]

HOWLKIT_DATA has a folder for each name in `CASES`. Every case is `howlkit train` and then
`howlkit evaluate` as users call them, one after the other on all cores; `--long` is for the first
case. Results go to RUNS/quality.json case by case; a case with a result is not trained again.
"""

import argparse
import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

CASES = [
    ("pop909", []),
    ("asap_performances", ["-o", "tuple.clock=seconds"]),
    ("nottingham", []),
    ("freedoom", []),
]


def howlkit(*arguments):
    command = [sys.executable, "-m", "howlkit", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(case, minutes, runs):
    folder, options, model, heads = case
    run = runs / f"{folder}-{model}-{heads}-{minutes:g}"
    if not (run / "model" / "model.safetensors").is_file():
        chained = f"heads.chained={str(heads == 'chained').lower()}"
        data = Path(os.environ["HOWLKIT_DATA"]) / folder
        arguments = ["--model", model, "-o", chained, *options, "--minutes", minutes]
        howlkit("train", data, "--encoder", "tuple", *arguments, "--out-dir", run)
    result = json.loads(howlkit("evaluate", run, "--json"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = lines[-1]
    curve = [line["validation"] for line in lines if line["validated"]]
    return result | {
        "folder": folder,
        "model": model,
        "heads": heads,
        "minutes": minutes,
        "steps": last["step"],
        "epochs": last["epoch"],
        "falling": min(curve) in curve[-2:],
    }


def table(results):
    yield "| folder | model | heads | minutes | nats a note | unigram | ratio | still falling |"
    yield "|---|---|---|---|---|---|---|---|"
    for r in results:
        yield (
            f"| {r['folder']} | {r['model']} | {r['heads']} | {r['minutes']:g} "
            f"| {r['nats_per_note']:.3f} | {r['baseline_nats_per_note']:.3f} | {r['ratio']:.3f} "
            f"| {'yes' if r['falling'] else 'no'} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--long", type=float, default=10)
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=Path, default=Path("runs/quality"))
    options = parser.parse_args()
    if "HOWLKIT_DATA" not in os.environ:
        sys.exit(
            "skipped: HOWLKIT_DATA does not name a folder with " + ", ".join(n for n, _ in CASES)
        )
    options.runs.mkdir(parents=True, exist_ok=True)
    results = []
    for number, (case, model, heads) in enumerate(
        product(CASES, ["lstm", "gru"], ["chained", "independent"])
    ):
        name = f"{case[0]} {model} {heads}"
        if options.only in name:
            minutes = options.minutes if number else options.long
            results.append(measure((*case, model, heads), minutes, options.runs))
            print(f"{name}: {results[-1]['ratio']:.3f} of unigram", file=sys.stderr)
            (options.runs / "quality.json").write_text(json.dumps(results, indent=1))
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
