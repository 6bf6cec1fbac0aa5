"""Which encoder `howlkit roundtrip` recommends, and what it says of one that loses something."""

import json
from pathlib import Path

import numpy as np
import pytest

from howlkit.builtin.encoders.howl import Howl
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.errors import HowlkitError
from howlkit.evaluation import roundtrip
from howlkit.evaluation.recommendation import BOUNDS, least, losses
from howlkit.music.piece import DRUMS, TEMPO, TIME_SIGNATURE, Piece
from tests.conftest import walk, write
from tests.evaluation.test_roundtrip import MS, Losing, pedalled, with_maps, with_notes, without

ALL = ("tempos", "time_signatures", "pedals")
RICH = with_maps(pedalled(walk(1)), [(0, 400_000), (24_000, 800_000)], [(0, 3, 4)])


def band(seed=1):
    """A melody on the piano, a bass and a drum on every beat, at another tempo than 120."""
    rows = [(480 * i, 240, 60 + (7 * i + seed) % 12, 80, 0) for i in range(64)]
    rows += [(480 * i, 480, 36 + (5 * i + seed) % 12, 80, 33) for i in range(64)]
    rows += [(480 * i, 240, 38, 80, DRUMS) for i in range(64)]
    return Piece.of(rows, name=f"band {seed}").replace(tempos=np.array([(0, 400_000)], TEMPO))


def beyond(change, *pieces, **options):
    (report,) = roundtrip.compare_encoders([Losing(change, **options)], pieces)
    return {loss.bound.name: str(loss) for loss in losses(report)}


def test_an_encoder_that_keeps_everything_is_beyond_no_bound():
    assert beyond(lambda p: p, RICH, band(), holds=ALL) == {}


def faster(piece):
    tempos = piece.tempos.copy()
    tempos["microseconds"] = tempos["microseconds"] * 0.9
    return piece.replace(tempos=tempos)


def other_metre(piece):
    return piece.replace(time_signatures=np.array([(0, 5, 4)], TIME_SIGNATURE))


def half_pedals(piece):
    return piece.replace(pedals=piece.pedals[::2])


def tenth(piece):
    return without(piece, slice(None, None, 10))


def doubled(piece):
    return piece.replace(notes=np.concatenate((piece.notes, piece.notes[::10])))


def late(piece):
    return with_notes(piece, start=piece.notes["start"] + round(60 * MS))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (tenth, {"lost": "10 % of the notes"}),
        (doubled, {"added": "the number of notes (it adds 10 %)"}),
        (late, {"onset": "when notes begin (1 in 100 is 60 ms off or more)"}),
        (
            lambda p: with_notes(p, duration=p.notes["duration"] + round(100 * MS)),
            {"length": "how long notes are (half of them are 100 ms off or more)"},
        ),
        (
            lambda p: with_notes(p, velocity=p.notes["velocity"] - 20),
            {"velocity": "how loud notes are (1 in 100 is 20 of 127 off or more)"},
        ),
        (other_metre, {"metre": "the metre"}),
        (half_pedals, {"pedal": "50 % of the pedal"}),
    ],
)
def test_each_loss_is_named_alone_and_in_words(change, expected):
    plain = with_maps(pedalled(walk(1)), [(0, 500_000)], [(0, 3, 4)])
    assert beyond(change, plain, holds=ALL) == expected


def test_a_tempo_that_is_off_is_lost():
    """It moves the onsets too, since the version is played at that tempo."""
    assert beyond(faster, RICH, holds=ALL)["tempo"] == "the tempo (11 % off)"


def test_programs_and_drums():
    piece = band()
    assert beyond(lambda p: with_notes(p, program=0), piece, holds=ALL) == {
        "program": "67 % of the instruments",
        "drums": "the drums",
    }
    assert beyond(lambda p: with_notes(p, program=0), walk(1), holds=ALL) == {}


def test_a_little_loss_is_within_the_bounds():
    def little(piece):
        moved = with_notes(piece, start=piece.notes["start"] + round(10 * MS))
        return without(with_notes(moved, velocity=moved.notes["velocity"] + 3), [7])

    assert beyond(little, RICH, holds=ALL) == {}


def test_what_the_steps_do_not_hold_is_lost():
    lost = beyond(lambda p: p, RICH)
    assert lost == {"tempo": "the tempo", "metre": "the metre", "pedal": "the pedal"}


def test_howl_is_not_recommended_for_a_band_and_its_losses_are_said():
    reports = roundtrip.compare_encoders([Howl(), Tuple()], [band(n) for n in range(3)])
    assert least(reports).encoder.name == "tuple"
    howl = {loss.bound.name for loss in losses(reports[0])}
    assert {"program", "drums", "tempo"} <= howl
    assert [loss.bound.name for loss in losses(reports[1])] == ["tempo"]


def test_notes_matter_more_than_tempo_metre_and_pedal_together():
    few = Losing(tenth, holds=ALL)
    flat = Losing(lambda p: p)
    reports = roundtrip.compare_encoders([few, flat], [RICH])
    assert least(reports) is reports[1]


def test_an_encoder_that_fails_comes_last():
    def fail(piece):
        raise HowlkitError("no")

    reports = roundtrip.compare_encoders([Losing(fail, holds=ALL), Losing(tenth)], [RICH])
    assert least(reports) is reports[1]
    assert [str(loss) for loss in losses(reports[0])] == ["every piece"]


def test_the_docs_name_every_bound():
    page = Path("docs/roundtrip.md").read_text(encoding="utf-8")
    table = page.split("## Which encoder it recommends")[1].split("## The columns")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    named = {name.strip() for cell in cells for name in cell.split(",")}
    assert {bound.name for bound in BOUNDS} <= named


def test_the_command_says_what_is_lost_and_leaves_the_choice(tmp_path, howlkit):
    for n in range(3):
        write(band(n), tmp_path / "my band" / f"{n}.mid")
    code, _, err = howlkit("roundtrip", tmp_path / "my band", "--encoder", "howl,tuple")
    *_, lost, advice = err.splitlines()
    assert code == 0 and lost.endswith("tuple loses least, but it loses the tempo.")
    assert advice.startswith("If you can do without that") and advice.endswith("--encoder tuple")
    assert "No encoder keeps controllers" in err and "lyrics" in err
    code, _, err = howlkit("roundtrip", tmp_path / "my band", "--encoder", "remi")
    assert code == 0 and err.splitlines()[-1].startswith("remi keeps this music; train with it:")
    code, out, err = howlkit("roundtrip", tmp_path / "my band", "--encoder", "howl", "--json")
    assert {"program", "drums", "tempo"} <= set(json.loads(out)[0]["beyond"])
    assert "howl loses" in err and "Compare it with the other encoders" in err
