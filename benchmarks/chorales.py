"""Bach's chorales as published tables have them: nats of held-out pieces, of models trained here.

    python benchmarks/chorales.py FOLDER [--minutes 25] [--part validation] [--only TEXT] [--seed 0]

FOLDER holds Jsb16thSeparated.json and jsb-chorales-quarter.json (jsb_json.py says what is in them).
Each case is `howlkit train` on the training part alone, as users call it, then an evaluation of all
of `--part`:

voices       four voices on sixteenths, nats a voice-token: without the end of a piece, with the
             first slice, micro average (Huang et al. 2019)
changes      the same music with steps only on beats and where a voice changes: the nats of all
             decisions, with the times of changes and the silence at the end, divided by the
             voice-tokens of the table; never less than the cost of the table alone
independent  88 keys on quarters, each key by itself, nats a slice (Bai et al. 2018)
chained      the same, each key given those below it (Boulanger-Lewandowski et al. 2012)

The models never see the scored part, except that training keeps the weights with the best
validation. Results go to RUNS/chorales.json.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from jsb_json import FILES, PARTS, pieces, prepare

from howlkit.network.likelihood import encode_all, score
from howlkit.sampling.trained import Trained

SMALL_DATA = """
lstm.locked=true training.ema=0.998 training.validate_every=100 training.patience=0
training.validation_notes=1000000 heads.embedding=16 heads.width=256 heads.skip=true
""".split()
VOICES = """
voices.restrikes=false lstm.hidden=384 lstm.layers=2 lstm.dropout=0.4 lstm.weight_drop=0.4
heads.relative=true heads.dropout=0.3 heads.repeats=sound1,sound2,sound3,sound4 heads.repeats_lag=8
training.rate=0.003 training.weight_decay=0.5 training.window=64
""".split()
CHANGES = """
voices.steps=changes lstm.dropout=0.5 lstm.weight_drop=0.5 heads.dropout=0.45 heads.input=256
heads.embedding=64 heads.repeats_lag=3 training.rate=0.004 training.ema=0.998
training.weight_decay=1
""".split()
KEYS = """
pianoroll.grid=1 pianoroll.onsets=false lstm.hidden=384 lstm.dropout=0.4 lstm.weight_drop=0.3
heads.dropout=0.3 heads.repeats=keys training.rate=0.003 training.weight_decay=0.3
training.window=32
""".split()
CASES = {
    "voices": ("voices", "voices", VOICES, 4),
    "changes": ("voices", "voices", [*VOICES, *CHANGES], 4),
    "independent": ("quarters", "pianoroll", [*KEYS, "heads.chained=false"], 1),
    "chained": ("quarters", "pianoroll", KEYS, 1),
}


def train(name, folder, runs, minutes, seed):
    table, encoder, options, _ = CASES[name]
    data, run = runs / f"data-{table}", runs / f"{name}-{minutes:g}-{seed}"
    if not (run / "model" / "model.safetensors").is_file():
        if not (data / "dataset.json").is_file():
            prepare(folder, table, data)
        words = [word for option in [*SMALL_DATA, *options] for word in ("-o", option)]
        words += ["--augment", "transpose", "-o", "transpose.low=-6", "--seed", str(seed)]
        command = [sys.executable, "-m", "howlkit", "train", data, "--encoder", encoder, *words]
        command += ["--minutes", str(minutes), "--out-dir", run]
        subprocess.run(command, check=True)
    return run


def measure(name, run, folder, part):
    """Return nats a token of the table: all decisions but `mark`, over all its rows."""
    table, _, _, tokens = CASES[name]
    trained = Trained.from_pretrained(run, stepping=None)
    some = pieces(folder, table, part)
    for piece in some:
        require_exact(trained.recipe.encoder, piece)
    rows = json.loads((folder / FILES[table][0]).read_text())[PARTS[part]]
    slices = sum(map(len, rows))
    assert slices == sum(piece.end for piece in some), "a row of a table is a tick of its piece"
    scores = score(trained.network, encode_all(trained.recipe.encoder, some))
    return float(scores.totals.sum()) / (tokens * slices)


def require_exact(encoder, piece):
    """Raise AssertionError unless the steps of a piece say all that its table says."""
    back = encoder.decode(encoder.encode(piece), like=piece)
    columns = ["start", "duration", "pitch", "track"]
    same = back.notes[columns].tolist() == piece.notes[columns].tolist()
    assert same and back.ticks_per_beat == piece.ticks_per_beat, f"{piece.name} does not come back"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--part", choices=["train", "validation", "test"], default="validation")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs/chorales"))
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    results = []
    for name in CASES:
        if options.only in name:
            run = train(name, options.folder, options.runs, options.minutes, options.seed)
            nats = measure(name, run, options.folder, options.part)
            last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
            results.append(
                {"case": name, "part": options.part, "nats": nats, "minutes": last["seconds"] / 60}
            )
            print(f"{name}: {nats:.4f} nats, {options.part} part", file=sys.stderr)
            (options.runs / "chorales.json").write_text(json.dumps(results, indent=1))
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
