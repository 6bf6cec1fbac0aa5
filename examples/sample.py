"""python sample.py model new.mid 32: 32 beats by the model that train.py saved, drawn by hand."""

import sys

from train import OwnModel

import howlkit

GENTLE = howlkit.SamplingParams(temperature=0.9, top_p=0.98)


def in_c_major(field, logits, given):  # logits: (rows, n); given: the fields decided before it
    if field.name == "pitch":
        logits = logits.copy()
        logits[:, [pitch for pitch in range(field.n) if pitch % 12 in (1, 3, 6, 8, 10)]] -= 8
    return logits


if __name__ == "__main__":
    path, out, beats = sys.argv[1], sys.argv[2], float(sys.argv[3])
    trained = howlkit.load(path, model=OwnModel())  # an installed model is found by its name
    session = trained.session(rows=2, seed=1, limit=howlkit.Limit(beats=beats, ends=False))
    while not session.done.all():
        session.step(GENTLE, functions=[in_c_major])  # a step in each row, within the grammar
    pieces = [session.piece(row) for row in range(session.rows)]
    best = min(pieces, key=trained.nats)
    print(f"{len(best)} notes, {trained.nats(best):.3f} nats a note;", howlkit.write(best, out))
