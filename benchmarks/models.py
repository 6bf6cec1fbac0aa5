"""Compares models at equal training time, in nats a note: lstm, and the models in plugins/.

    HOWLKIT_DATA=folder python benchmarks/models.py [--minutes 5] [--only pop909]

On the chorales that come with howlkit, transposed, and on the folder pop909 of HOWLKIT_DATA: the
encoder `tuple`, all options at their defaults, one thread a run. The models of one folder train at
the same time, so that other programs slow all of them alike; the table has the CPU minutes of
each. Then `howlkit evaluate` on the whole validation part. Results
go to models.json of `--runs`.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HOWLKIT = [sys.executable, "-m", "howlkit"]
CASES = {"chorales": ["--augment", "transpose"], "pop909": []}
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1")


def train(case, models, minutes, runs):
    """Train the models at the same time; return the CPU minutes of each."""
    data = [] if case == "chorales" else [Path(os.environ["HOWLKIT_DATA"]) / case]
    if data:  # once for all models
        prepared = runs / case
        subprocess.run([*HOWLKIT, "prepare", *data, "--out", prepared], check=True)
        data = [prepared]
    started = {}
    for model in models:
        arguments = [*data, "--encoder", "tuple", "--model", model, "--minutes", minutes]
        arguments += [*CASES[case], "--out-dir", runs / f"{case}-{model}"]
        command = [*HOWLKIT, "train", *map(str, arguments)]
        started[model] = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    spent = {}
    for model, process in started.items():
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"howlkit train --model {model} failed; run it alone to see why")
        spent[model] = (usage.ru_utime + usage.ru_stime) / 60
    return spent


def judge(run):
    """Return the figures of a run."""
    command = [*HOWLKIT, "evaluate", str(run), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    result = json.loads(done.stdout)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    curve = [line["validation"] for line in lines if line["validated"]]
    return {
        "nats": result["nats_per_note"],
        "ratio": result["ratio"],
        "updates": lines[-1]["step"],
        "falling": min(curve) in curve[-2:],
    }


def table(results):
    """Yield the rows of a table in Markdown."""
    yield "| music | model | CPU minutes | updates | nats a note | of unigram | still falling |"
    yield "|---|---|---|---|---|---|---|"
    for r in results:
        yield (
            f"| {r['music']} | {r['model']} | {r['minutes']:.1f} | {r['updates']} "
            f"| {r['nats']:.3f} | {r['ratio']:.3f} | {'yes' if r['falling'] else 'no'} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5, help="on the clock")
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--models", default="lstm,transformer,ssm")
    parser.add_argument("--runs", type=Path, default=Path("runs/models"))
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    results = []
    for case in [options.only] if options.only else CASES:
        if case != "chorales" and "HOWLKIT_DATA" not in os.environ:
            print(f"{case} skipped: HOWLKIT_DATA does not name a folder with it", file=sys.stderr)
            continue
        spent = train(case, options.models.split(","), options.minutes, options.runs)
        for model, minutes in spent.items():
            found = judge(options.runs / f"{case}-{model}")
            results.append({"music": case, "model": model, "minutes": minutes, **found})
            (options.runs / "models.json").write_text(json.dumps(results, indent=1) + "\n")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
