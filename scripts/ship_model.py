"""Make a model of howlkit/data/models of a run: measure it, halve its weights, write its card.

    howlkit train --config chorales --out-dir runs/chorales
    python scripts/ship_model.py runs/chorales --about "four voices, as Bach set chorales"

The run must be of the chorales that come with howlkit, by a preset whose name is that of the model.
The weights are stored in half precision; the nats in the card are measured after that, on whole
parts, and the script stops if they are more than 0.002 above those before.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from howlkit.dataset import opening
from howlkit.network import likelihood
from howlkit.sampling.trained import Trained
from howlkit.training import model_folder
from howlkit.training.checkpoint import read_json, write_json
from howlkit.training.progress import Metrics
from howlkit.training.shipped_models import FOLDER
from howlkit.training.weights import write_tensors

MOST_LOST = 0.002
LICENCE = (
    "the music is in the public domain; the weights are part of howlkit, under its licence (MIT)"
)


def nats(trained, data, part):
    pieces = data.pieces(part)
    score = likelihood.score(trained.network, likelihood.encode_all(trained.encoder, pieces))
    return float(score.nats_per_note)


def unigram_nats(trained, data, part):
    counts = likelihood.unigram(trained.encoder, data.pieces("train"))
    encoded = likelihood.encode_all(trained.encoder, data.pieces(part))
    return float(likelihood.unigram_nats(counts, encoded).nats_per_note)


def card_of(run, trained, data, about, train):
    parts = ("validation", "test")
    last = Metrics(run / "metrics.jsonl").read()[-1]
    sizes = {part: len(data.indices(part)) for part in data.parts}
    return {
        "about": about,
        "encoder": trained.encoder.name,
        "model": trained.model.name,
        "parameters": sum(p.numel() for p in trained.network.parameters()),
        "data": f"{len(data)} of Bach's four-part chorales (howlkit/data/README.md)",
        "split": f"{sizes['train']} pieces for training, {sizes['validation']} for validation, "
        f"{sizes['test']} for the test",
        "nats": {part: round(nats(trained, data, part), 4) for part in parts},
        "unigram": {part: round(unigram_nats(trained, data, part), 4) for part in parts},
        "train": train,
        "steps": last.step,
        "best": trained.facts["step"],
        "licence": LICENCE,
    }


def text_of(name, card):
    rows = [
        ("what", card["about"]),
        ("encoder, model", f"{card['encoder']}, {card['model']}: {card['parameters']:,} weights"),
        ("data", card["data"]),
        ("split", f"{card['split']}; takes of one melody may stand in several parts"),
        ("nats a note, validation", f"{card['nats']['validation']:.3f} (chose the weights)"),
        ("nats a note, test", f"{card['nats']['test']:.3f}"),
        ("a unigram model, test", f"{card['unigram']['test']:.3f}"),
        ("trained for", f"{card['steps']:,} steps; the weights are those after {card['best']:,}"),
        ("train it again", f"`{card['train']}`"),
        ("licence", card["licence"]),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return (
        f"# {name}\n\n| | |\n|---|---|\n{table}\n\nMake music with it: `howlkit sample {name}`.\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--about", required=True)
    given = parser.parse_args()
    name = given.run.name
    source, out = given.run / "model", FOLDER / name
    data = opening.open_data((), tell=lambda line: None)
    before = Trained.from_pretrained(source, stepping=None)
    if before.facts["data"]["fingerprint"] != data.fingerprint:
        sys.exit(f"{given.run} was not trained on the chorales that come with howlkit")
    out.mkdir(parents=True, exist_ok=True)
    config = read_json(source / "config.json")
    shutil.copy(source / "schema.json", out / "schema.json")
    write_json(out / "config.json", config)
    write_tensors(out / model_folder.WEIGHTS, before.network.state_dict(), half=True)
    after = Trained.from_pretrained(out, stepping=None)
    train = f"howlkit train --config {name} --out-dir runs/{name}"
    card = card_of(given.run, after, data, given.about, train)
    lost = card["nats"]["test"] - nats(before, data, "test")
    if lost > MOST_LOST:
        sys.exit(f"half precision costs {lost:.4f} nats a note on the test part")
    write_json(out / "config.json", {**config, "card": card})
    (out / "README.md").write_text(text_of(name, card))
    print(json.dumps(card, indent=1), f"half precision costs {lost:+.5f} nats", sep="\n")


if __name__ == "__main__":
    main()
