"""Howl's own setting, and then each improvement on it alone; prints the table of docs/howl.md.

    HOWLKIT_DATA=folder python benchmarks/howl.py [--minutes 3] [--folder pop909] [--only TEXT]

HOWLKIT_DATA holds a folder of MIDI files of that name. Every case is `howlkit train --config howl`
with one change, then `howlkit evaluate`, as users call them, one after the other on all cores.
Results go to RUNS/howl.json, case by case; a case that is there already is not run again.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

TRAINING = [
    *("-o", "training.rate=0.005", "-o", "training.warmup=50", "-o", "training.clip=1"),
    *("-o", "training.weight_decay=0.05", "-o", "training.batch=16", "-o", "training.window=128"),
]
MILD = ["transpose.preset=default", "stretch.preset=default", "velocity.preset=default"]
CASES = {
    "Howl": [],
    "drawn values: mixtures in place of squared error": ["-o", "heads.real=logistics"],
    "chained heads": ["-o", "heads.chained=true"],
    "chained heads and mixtures": ["-o", "heads.chained=true", "-o", "heads.real=logistics"],
    "carried state: 8 windows of 96 notes": ["-o", "training.window=96", "-o", "training.carry=8"],
    "howlkit's way of training": TRAINING,
    "milder augmentation": [word for o in MILD for word in ("-o", o)],
    "hints from earlier passages": ["-o", "heads.repeats=pitch"],
    "no processing block, 320 units": ["-o", "lstm.block=0", "-o", "lstm.hidden=320"],
}
ALL = [word for options in list(CASES.values())[2:] for word in options]


def howlkit(*arguments):
    command = [sys.executable, "-m", "howlkit", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(name, options, run, data, minutes):
    if not (run / "model" / "model.safetensors").is_file():
        howlkit("train", data, "--config", "howl", *options, "--minutes", minutes, "--out-dir", run)
    result = json.loads(howlkit("evaluate", run, "--json"))
    steps = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    return {"case": name, "steps": steps, "fields": result["fields"]}


def table(results):
    yield "| | steps | pitch | shift | duration | volume | all |"
    yield "|---|---|---|---|---|---|---|"
    for result in results:
        nats = {name: field["nats_per_note"] for name, field in result["fields"].items()}
        names = ("pitch", "shift", "duration", "volume")
        cells = [f"{nats[name]:.3f}" if name in nats else "-" for name in names]
        # Fields trained by squared error have no likelihood, and so there is no sum.
        cells.append(f"{sum(nats.values()):.3f}" if len(nats) == len(names) else "-")
        yield f"| {result['case']} | {result['steps']} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--folder", default="pop909")
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=Path, default=Path("runs/howl"))
    options = parser.parse_args()
    if "HOWLKIT_DATA" not in os.environ:
        sys.exit(f"skipped: HOWLKIT_DATA does not name a folder with {options.folder}")
    data = Path(os.environ["HOWLKIT_DATA"]) / options.folder
    options.runs.mkdir(parents=True, exist_ok=True)
    results = []
    for number, (name, words) in enumerate([*CASES.items(), ("all of them", ALL)]):
        if options.only in name:
            run = options.runs / f"{options.folder}-{number}-{options.minutes:g}"
            results.append(measure(name, words, run, data, options.minutes))
            nats = {n: round(f["nats_per_note"], 3) for n, f in results[-1]["fields"].items()}
            print(f"{name}: {nats} nats a note", file=sys.stderr)
            (options.runs / "howl.json").write_text(json.dumps(results, indent=1))
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
