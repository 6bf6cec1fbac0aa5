"""What is given to new notes: the rhythm of those that they replace."""

import howlkit
from howlkit import Piece

MELODY = [67, 69, 71, 72, 74, 72, 71, 69]


def test_a_melody_keeps_its_rhythm_with_a_model_of_four_voices():
    piece = Piece.of([(480 * k, 480, pitch) for k, pitch in enumerate(MELODY * 2)])
    trained = howlkit.load("chorales")
    takes = trained.replace(piece, bars=(3, 3), keep_rhythm=True, takes=2, candidates=4, seed=1)
    for take in takes:
        assert take.complete
        assert take.notes["start"].tolist() == [3840 + 480 * k for k in range(4)]
