"""Encoders beside each other on real music, at equal training time: nats, and what each loses.

    HOWLKIT_DATA=folder python benchmarks/encoders.py [--minutes 3] [--only TEXT]

HOWLKIT_DATA holds a folder for each name in `FOLDERS`. Every case is `howlkit train` with a model
lstm at its defaults and then `howlkit evaluate` on the whole validation part, as users call them,
one after the other on all cores. Results go to RUNS/encoders.json, case by case; a case that is
there already is not run again.
"""

import argparse
import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

FOLDERS = {
    "pop909": {
        "tuple": [],
        "remi": [],
        "event": [],
        "pianoroll": [],
        "voices": [],
        "howl": [],
    },
    "asap_performances": {
        "tuple": ["tuple.clock=seconds"],
        "remi": [],
        "event": [],
        "pianoroll": ["pianoroll.clock=seconds"],
        "voices": ["voices.assign=pitch"],
        "howl": [],
    },
}


def howlkit(*arguments):
    command = [sys.executable, "-m", "howlkit", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(folder, encoder, options, heads, minutes, runs):
    run = runs / f"{folder}-{encoder}-{heads}-{minutes:g}"
    stored = run / "evaluated.json"
    if not stored.is_file():
        data = Path(os.environ["HOWLKIT_DATA"]) / folder
        options = [*options, f"heads.chained={str(heads == 'chained').lower()}"]
        words = [word for option in options for word in ("-o", option)]
        if not (run / "model" / "model.safetensors").is_file():
            howlkit(
                "train", data, "--encoder", encoder, *words, "--minutes", minutes, "--out-dir", run
            )
        stored.write_text(howlkit("evaluate", run, "--json"))
    result = json.loads(stored.read_text())
    steps = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    return {"folder": folder, "steps": steps, **result}


def table(results):
    yield (
        "| folder | encoder | heads | nats a note | 95 % | of unigram | nats a second | notes lost "
        "| onset ms | length ms | steps a note |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for r in results:
        interval = r["intervals"]["nats_per_note"]  # none for a single piece
        low_high = "{:.2f}..{:.2f}".format(*interval) if interval else "-"
        yield (
            f"| {r['folder']} | {r['encoder']} | {r['heads']} | {r['nats_per_note']:.3f} "
            f"| {low_high} | {r['ratio']:.3f} | {r['nats_per_second']:.2f} "
            f"| {100 * r['notes_lost']:.1f} % | {r['onset_error_ms']:.0f} "
            f"| {r['duration_error_ms']:.0f} | {r['steps_per_note']:.2f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=Path, default=Path("runs/encoders"))
    options = parser.parse_args()
    if "HOWLKIT_DATA" not in os.environ:
        sys.exit("skipped: HOWLKIT_DATA does not name a folder with " + ", ".join(FOLDERS))
    options.runs.mkdir(parents=True, exist_ok=True)
    results = []
    for folder, encoders in FOLDERS.items():
        for (encoder, words), heads in product(encoders.items(), ["chained", "independent"]):
            name = f"{folder} {encoder} {heads}"
            if options.only in name:
                results.append(
                    measure(folder, encoder, words, heads, options.minutes, options.runs)
                )
                print(f"{name}: {results[-1]['nats_per_note']:.3f}", file=sys.stderr)
                kept = [{k: v for k, v in r.items() if k != "by_piece"} for r in results]
                (options.runs / "encoders.json").write_text(json.dumps(kept, indent=1))
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
