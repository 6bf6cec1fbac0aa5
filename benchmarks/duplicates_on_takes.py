"""How well near-duplicates are found in real music: takes of one piece should be joined, no others.

    HOWLKIT_DATA=FOLDER python benchmarks/duplicates_on_takes.py

FOLDER/asap_performances and FOLDER/asap_scores have a folder for each piece (the ASAP dataset's
layout), so that the true groups are known; "X_no_repeat" counts as "X". For all other folders the
pairs in one group are counted, and the largest group; people must judge these. Prints JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from howlkit.dataset.duplicates import group
from howlkit.dataset.sketches import sketch
from howlkit.music import midi

TRUTH = ("asap_performances", "asap_scores")


def main():
    if "HOWLKIT_DATA" not in os.environ:
        sys.exit("HOWLKIT_DATA must name a folder of folders of MIDI files")
    root = Path(os.environ["HOWLKIT_DATA"])
    paths = [path.relative_to(root) for path in midi.find([root])]
    pieces = [midi.read(root / path) for path in paths]
    began = time.perf_counter()
    sketches = np.stack([sketch(piece) for piece in pieces], axis=1)
    sketched = time.perf_counter()
    labels = group(sketches)
    grouped = time.perf_counter()
    seconds = {"sketch": round(sketched - began, 2), "group": round(grouped - sketched, 2)}
    size = {"files": len(paths), "notes": sum(map(len, pieces)), "seconds": seconds}
    print(json.dumps(size | judged(paths, labels), indent=1))


def judged(paths, labels):
    """Return the numbers of pairs found, missed and joined falsely."""
    corpus = np.array([path.parts[0] for path in paths])
    work = np.array(["/".join(path.parts[1:-1]) for path in paths])
    same_folder = work[:, None] == work
    work = np.char.replace(work, "_no_repeat", "")
    pair = np.triu(np.ones((len(paths), len(paths)), bool), 1)
    joined = (labels[:, None] == labels) & pair
    take, score = (corpus == name for name in TRUTH)
    takes = pair & same_folder & take[:, None] & take
    scores = pair & same_folder & ((take[:, None] & score) | (score[:, None] & take))
    known = take | score
    false = joined & known[:, None] & known & (work[:, None] != work)
    across = joined & (corpus[:, None] != corpus) & ~(known[:, None] & known)
    return {
        "pairs of takes found": f"{(joined & takes).sum()} of {takes.sum()}",
        "pairs of take and score found": f"{(joined & scores).sum()} of {scores.sum()}",
        "pairs of takes joined falsely": int(false.sum()),
        "pairs joined across collections": int(across.sum()),
        "others": {
            name: {
                "pieces": int((corpus == name).sum()),
                "pairs joined": int(joined[np.ix_(corpus == name, corpus == name)].sum()),
                "largest group": int(
                    np.unique(labels[corpus == name], return_counts=True)[1].max()
                ),
            }
            for name in sorted(set(corpus.tolist()) - set(TRUTH))
        },
    }


if __name__ == "__main__":
    main()
