"""Makes the piece that a first visitor of howlkit-studio finds, with the model that comes along.

    python scripts/make_first_piece.py

Writes plugins/howlkit-studio/howlkit_studio/first_piece.mid: eight bars, as the studio itself would
go on from an empty piece, with the record of how they were made.
"""

import dataclasses
import tempfile
from pathlib import Path

from howlkit_studio.document import Tempo
from howlkit_studio.going_on import go_on
from howlkit_studio.history import History
from howlkit_studio.pieces import new_document
from howlkit_studio.placing import settled
from howlkit_studio.provenance import made_with, signed
from howlkit_studio.settings import GoOn

import howlkit
from howlkit.music import midi

OUT = Path(__file__).parents[1] / "plugins/howlkit-studio/howlkit_studio/first_piece.mid"

SEED = 3  # of the first 24, the one that costs the model few nats and ends on a held chord
TEMPO = 714_286  # microseconds a beat: the model's music has 84 beats a minute
VOICES = ("Soprano", "Alto", "Tenor", "Bass")


def main():
    trained, settings = howlkit.load("chorales"), GoOn(0, bars=8, seed=SEED)
    empty = dataclasses.replace(new_document(), tempos=(Tempo(0, TEMPO),))
    with tempfile.TemporaryDirectory() as folder:
        history = History.begin(Path(folder) / "history", "First piece", empty)
        passage = {
            **{"id": history.next_id(), "kind": "go_on", "seed": SEED, "how": "done"},
            **{"settings": settings.to_json(), "made_with": made_with(trained)},
        }
        notes = go_on(trained, empty, settings, SEED, lambda notes: False)
        change = settled(empty, notes, (), passage["id"], history.next_id)
        history.add(change, "go_on", by=passage["id"], passage=passage)
        named = [
            dataclasses.replace(track, name=name)
            for track, name in zip(history.document.tracks, VOICES, strict=True)
        ]
        history.document = dataclasses.replace(history.document, tracks=tuple(named))
        OUT.write_bytes(midi.to_bytes(signed(history)))
        history.close()
    print(f"{OUT.name}: {len(notes)} notes, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
