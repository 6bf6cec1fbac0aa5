"""What `howlkit roundtrip` says of encoders that lose one known thing each."""

import dataclasses
import json
import re
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.errors import HowlkitError
from howlkit.evaluation import roundtrip
from howlkit.music import midi
from howlkit.music.piece import DRUMS, PEDAL, TEMPO, TIME_SIGNATURE, Piece
from howlkit.options import option
from howlkit.plugins import Component, registry
from howlkit.schema import Field, Schema
from tests.conftest import random_piece, walk, write

MS = 0.96  # ticks in a millisecond at 480 ticks a beat, 120 beats a minute


class Losing:
    """Keeps all but what `change` does to a piece; its steps are numbers of pieces it holds.

    holds: the tables that it decodes without `like`.
    """

    name: ClassVar[str] = "losing"
    schema = Schema((Field("piece", 65536),))

    def __init__(self, change=lambda piece: piece, holds=(), steps=1):
        self.change, self.holds, self.steps = change, holds, steps
        self.pieces = []

    def encode(self, piece):
        self.pieces.append(self.change(piece))
        steps = self.schema.steps(self.steps * len(self.pieces[-1]))
        steps["piece"] = len(self.pieces) - 1
        return self.schema.frame(steps)

    def decode(self, steps, *, like=None):
        piece = self.pieces[int(steps["piece"].max())]
        maps = {name: getattr(piece, name) for name in self.holds}
        if like is not None:
            maps = {"tempos": like.tempos, "time_signatures": like.time_signatures} | maps
        return Piece(piece.notes, piece.ticks_per_beat, **maps)


def facts(change, *pieces, **options):
    (report,) = roundtrip.compare_encoders([Losing(change, **options)], pieces)
    assert report.failures == []
    return report.facts(report.whole)


def with_notes(piece, **columns):
    notes = piece.notes.copy()
    for name, values in columns.items():
        notes[name] = values
    return piece.replace(notes=notes)


def without(piece, gone):
    return piece.replace(notes=np.delete(piece.notes, gone))


def nothing_lost(said):
    return said["lost"] == said["added"] == 0


PIECES = [walk(1), random_piece(2), random_piece(3, 400, longest_gap=90)]


@pytest.mark.parametrize("holds", [(), ("tempos", "time_signatures", "pedals")])
def test_an_encoder_that_keeps_everything_loses_nothing(holds):
    piece = random_piece(4).replace(pedals=np.array([(0, 4800, 0)], PEDAL))
    said = facts(lambda p: p, *PIECES, piece, holds=holds)
    assert nothing_lost(said) and said["notes"] == sum(map(len, PIECES)) + len(piece)
    for name in ("onset_error_ms", "duration_error_ms", "velocity_error"):
        assert said[name] == {"median": 0, "p99": 0}
    assert said["wrong_program_share"] == 0 and said["drums_kept_share"] == 1
    assert said["tempo"]["kept"] == ("tempos" in holds)
    assert said["pedal"]["kept_share"] == pytest.approx(float("pedals" in holds))
    assert said["metre"] is None and said["steps_per_note"] == 1


@pytest.mark.parametrize("piece", PIECES, ids=repr)
def test_every_third_note_dropped(piece):
    said = facts(lambda p: without(p, slice(None, None, 3)), piece)
    dropped = len(range(0, len(piece), 3))
    assert (said["lost"], said["added"]) == (dropped, 0)
    assert said["lost_share"] == dropped / len(piece)
    assert said["onset_error_ms"] == said["duration_error_ms"] == {"median": 0, "p99": 0}


@pytest.mark.parametrize("piece", [walk(1), random_piece(2)], ids=repr)
def test_notes_that_nobody_wrote(piece):
    extra = np.concatenate((piece.notes, with_notes(piece, pitch=127 - piece.notes["pitch"]).notes))
    said = facts(lambda p: p.replace(notes=extra), piece)
    assert (said["lost"], said["added"], said["added_share"]) == (0, len(piece), 1)


@pytest.mark.parametrize("late", [7, 70, 400, 5000])
def test_onsets_that_are_all_late(late):
    def delay(piece):
        return with_notes(piece, start=piece.notes["start"] + round(late * MS))

    said = facts(delay, walk(5), Piece.of([(i * 96, 90, 60) for i in range(300)]))
    assert nothing_lost(said)
    expected = round(late * MS) / MS
    assert said["onset_error_ms"] == {
        "median": pytest.approx(expected),
        "p99": pytest.approx(expected),
    }
    assert said["duration_error_ms"]["p99"] == pytest.approx(0, abs=1e-6)


def test_halved_durations():
    said = facts(lambda p: with_notes(p, duration=p.notes["duration"] // 2), walk(6))
    assert nothing_lost(said) and said["onset_error_ms"]["p99"] == 0
    # 400 notes of 200 ticks, 200 of 900.
    assert said["duration_error_ms"]["median"] == pytest.approx(100 / MS)
    assert said["duration_error_ms"]["p99"] == pytest.approx(450 / MS)


def test_repeated_notes_merged_into_one():
    """60 repeated eight times every two beats, 64 and 67 held below: 7 of 8 are lost."""
    rows = [(960 * bar + 60 * i, 60, 60) for bar in range(20) for i in range(8)]
    rows += [(960 * bar, 960, pitch) for bar in range(20) for pitch in (64, 67)]

    def merge(piece):
        notes = piece.notes[(piece.notes["pitch"] != 60) | (piece.notes["start"] % 960 == 0)].copy()
        notes["duration"][notes["pitch"] == 60] = 480
        return piece.replace(notes=notes)

    said = facts(merge, Piece.of(rows))
    assert (said["lost"], said["added"]) == (7 * 20, 0)
    assert said["onset_error_ms"]["p99"] == 0
    assert said["duration_error_ms"] == {"median": 0, "p99": pytest.approx(420 / MS)}


def test_a_long_note_cut_in_two_adds_one():
    def cut(piece):
        second = with_notes(piece, start=960, duration=960).notes
        return piece.replace(notes=np.concatenate((with_notes(piece, duration=960).notes, second)))

    said = facts(cut, Piece.of([(0, 1920, 60)]))
    assert (said["lost"], said["added"]) == (0, 1)
    assert said["duration_error_ms"]["median"] == pytest.approx(1000)


def test_unisons_are_paired_by_their_durations():
    rows = [(960 * i, duration, 60) for i in range(40) for duration in (100, 900, 400)]
    piece = Piece.of(rows)

    def late(piece):
        return with_notes(piece, start=piece.notes["start"] + 5)

    said = facts(late, piece)
    assert nothing_lost(said) and said["duration_error_ms"]["p99"] == pytest.approx(0, abs=1e-6)
    longest = facts(lambda p: without(p, p.notes["duration"] < 900), piece)
    assert (longest["lost"], longest["added"]) == (80, 0)


def test_chords_of_three_unisons_in_quick_succession():
    piece = Piece.of([(185 * i, 150, 60, 80, 0, track) for i in range(40) for track in range(3)])
    said = facts(lambda p: with_notes(p, start=p.notes["start"] + 5), piece)
    assert nothing_lost(said) and said["onset_error_ms"]["p99"] == pytest.approx(5 / MS)


def test_notes_put_at_one_onset_are_paired_by_their_durations():
    """An onset and the next one 5 ticks later, on one place of a grid; the earlier is longer."""
    rows = [(960 * i + late, long, 60) for i in range(40) for late, long in ((0, 900), (5, 100))]
    said = facts(lambda p: with_notes(p, start=p.notes["start"] // 960 * 960), Piece.of(rows))
    assert nothing_lost(said) and said["duration_error_ms"]["p99"] == pytest.approx(0, abs=1e-6)


def test_of_two_notes_the_nearer_is_kept():
    """Of pairs 300 ticks apart the first is lost, and the other 30 ticks early."""
    rows = [(960 * i + late, 100, 60) for i in range(20) for late in (0, 300)]
    rows += [(480 * i, 100, 40) for i in range(200)]

    def lose_the_first(piece):
        notes = piece.notes[(piece.notes["pitch"] == 40) | (piece.notes["start"] % 960 == 300)]
        kept = piece.replace(notes=notes)
        early = np.where(notes["pitch"] == 60, 30, 0)
        return with_notes(kept, start=notes["start"] - early)

    said = facts(lose_the_first, Piece.of(rows))
    assert (said["lost"], said["added"]) == (20, 0)
    assert said["onset_error_ms"]["p99"] == pytest.approx(30 / MS)


def test_forgotten_programs_are_wrong_programs_and_not_lost_notes():
    piece = random_piece(7, 300)
    said = facts(lambda p: with_notes(p, program=0), piece)
    assert nothing_lost(said)
    assert said["wrong_program_share"] == pytest.approx((piece.notes["program"] != 0).mean())
    assert said["drums_kept_share"] == 0 and said["onset_error_ms"]["p99"] == 0


def test_a_note_is_paired_with_one_of_its_own_program_first():
    """Two instruments in unison, the second one 20 ms late; decoded all is 12 ms late."""
    rows = [
        (480 * i + late, 200, 60, 80, program)
        for i in range(50)
        for late, program in ((0, 0), (20, 40))
    ]

    def late(piece):
        return with_notes(piece, start=piece.notes["start"] + 12)

    said = facts(late, Piece.of(rows))
    assert nothing_lost(said) and said["wrong_program_share"] == 0
    assert said["onset_error_ms"]["p99"] == pytest.approx(12 / MS)


def test_dropped_drums():
    piece = random_piece(8)
    drums = piece.notes["program"] == DRUMS
    said = facts(lambda p: without(p, drums), piece)
    assert (said["lost"], said["added"], said["drums_kept_share"]) == (drums.sum(), 0, 0)
    assert said["wrong_program_share"] == 0
    assert facts(lambda p: p, walk(1))["drums_kept_share"] is None


@pytest.mark.parametrize("keep", [1.0, 0.7])
@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_a_drift_that_grows_through_the_piece(factor, keep):
    """2 % of 100 s: at the end everything is two seconds off, four beats of repeated chords."""
    piece = walk(9)
    gone = np.random.default_rng(1).random(len(piece)) > keep
    gone[-2:] |= keep < 1  # so that not even the ends tell how far it has gone

    def stretch(piece):
        notes = with_notes(piece, start=np.rint(piece.notes["start"] * factor).astype(int))
        return without(notes, gone)

    said = facts(stretch, piece)
    assert (said["lost"], said["added"]) == (gone.sum(), 0)
    expected = np.abs(piece.seconds(piece.notes["start"])) * abs(factor - 1) * 1000
    assert said["onset_error_ms"]["median"] == pytest.approx(np.median(expected), rel=0.03)
    assert said["onset_error_ms"]["p99"] == pytest.approx(np.quantile(expected, 0.99), rel=0.03)


def test_a_long_rest_cut_short_moves_what_follows():
    first, after = walk(10, 100), walk(11, 300)
    begin = first.end + 48_000
    moved = with_notes(after, start=after.notes["start"] + begin).notes
    piece = first.replace(notes=np.concatenate((first.notes, moved)))

    def cut(piece):
        late = piece.notes["start"] >= begin
        notes = with_notes(piece, start=piece.notes["start"] - np.where(late, 40_000, 0))
        return without(notes, gone)

    # All from one part, so that the i-th note of all is not the i-th of the others.
    gone = (piece.notes["start"] < begin) & (piece.notes["pitch"] < 75)
    said = facts(cut, piece)
    assert (said["lost"], said["added"]) == (gone.sum(), 0)
    assert said["onset_error_ms"]["median"] == pytest.approx(40_000 / MS)


@pytest.mark.parametrize(
    ("velocity", "errors"),
    [(80, {"median": 25, "p99": 50}), (None, {"median": 0, "p99": 0})],
)
def test_velocities(velocity, errors):
    piece = with_notes(
        Piece.of([(i * 240, 200, 60) for i in range(101)]), velocity=np.arange(101) % 51 + 30
    )

    def change(piece):
        return piece if velocity is None else with_notes(piece, velocity=velocity)

    assert facts(change, piece)["velocity_error"] == errors


def with_maps(piece, tempos, metres=()):
    return piece.replace(
        tempos=np.array(tempos, TEMPO), time_signatures=np.array(list(metres), TIME_SIGNATURE)
    )


def test_tempo_is_what_the_steps_hold_and_not_what_like_brings():
    piece = with_maps(walk(12), [(0, 400_000), (24_000, 800_000)])
    assert facts(lambda p: p, piece, holds=["tempos"])["tempo"] == {"kept": True, "error_share": 0}
    lost = facts(lambda p: p, piece)["tempo"]
    # 50 beats at 150 a minute are 20 s, the rest at 75: of both, decoded at 120.
    slow = (piece.end - 24_000) / 480 * 0.8
    expected = (20 * 0.2 + slow * 0.6) / (20 + slow)
    assert lost == {"kept": False, "error_share": pytest.approx(expected)}


def test_a_tempo_that_is_a_bit_off():
    def slower(piece):
        tempos = piece.tempos.copy()
        tempos["microseconds"] = tempos["microseconds"] * 1.05
        return piece.replace(tempos=tempos)

    piece = with_maps(walk(12), [(0, 400_000), (24_000, 800_000)])
    said = facts(slower, piece, holds=["tempos"])
    assert said["tempo"] == {"kept": True, "error_share": pytest.approx(1 - 1 / 1.05)}


def test_metre_is_compared_where_there_is_one_to_keep():
    piece = with_maps(walk(13), [(0, 500_000)], [(0, 3, 4), (48_000, 6, 8)])
    plain = with_maps(walk(14), [(0, 500_000)], [(0, 4, 4)])
    said = facts(lambda p: p, piece, plain, holds=["time_signatures"])
    assert said["metre"] == {"kept": True, "kept_share": 1} and said["tempo"] is None
    assert facts(lambda p: p, piece, plain)["metre"] == {"kept": False, "kept_share": 0}
    assert facts(lambda p: p, plain)["metre"] is None

    def first_only(piece):
        return piece.replace(time_signatures=piece.time_signatures[:1])

    half = facts(first_only, piece, holds=["time_signatures"])["metre"]
    assert half == {"kept": True, "kept_share": pytest.approx(48_000 / piece.end)}


def pedalled(piece):
    """A piece whose pedal is down three of every four beats."""
    starts = np.arange(0, piece.end, 1920)
    pedals = np.zeros(len(starts), PEDAL)
    pedals["start"], pedals["duration"] = starts, 1440
    return piece.replace(pedals=pedals)


def test_pedals_kept_and_lost():
    piece = pedalled(walk(15))
    kept = facts(lambda p: p, piece, holds=["pedals"])["pedal"]
    assert kept == {"kept": True, "kept_share": pytest.approx(1), "in_durations": False}
    lost = facts(lambda p: p, piece)["pedal"]
    assert lost == {"kept": False, "kept_share": 0, "in_durations": False}

    def third(piece):
        pedals = piece.pedals.copy()
        pedals["duration"] = 480
        return piece.replace(pedals=pedals)

    assert facts(third, piece, holds=["pedals"])["pedal"]["kept_share"] == pytest.approx(1 / 3)
    assert facts(lambda p: p, walk(15))["pedal"] is None


def test_pedals_in_the_durations():
    def lengthen(piece):
        ends = piece.ends.copy()
        for start, duration in piece.pedals[["start", "duration"]].tolist():
            ends[(ends >= start) & (ends < start + duration)] = start + duration
        return with_notes(piece, duration=ends - piece.notes["start"])

    said = facts(lengthen, pedalled(walk(16)))
    assert nothing_lost(said)
    assert said["pedal"] == {"kept": False, "kept_share": 0, "in_durations": True}


def test_pedals_in_durations_that_end_where_the_key_is_struck_again():
    piece = Piece.of([(480 * i, 200, 60) for i in range(32)])
    piece = piece.replace(pedals=np.array([(0, 480 * 32, 0)], PEDAL))
    assert facts(lambda p: with_notes(p, duration=480), piece)["pedal"]["in_durations"]
    assert not facts(lambda p: with_notes(p, duration=300), piece)["pedal"]["in_durations"]


def test_a_pedal_within_another_counts_once():
    piece = walk(15).replace(pedals=np.array([(0, 4800, 0), (480, 480, 1)], PEDAL))
    kept = np.array([(0, 1200, 0)], PEDAL)
    said = facts(
        lambda p: p.replace(pedals=kept if len(p.pedals) else kept[:0]), piece, holds=["pedals"]
    )
    assert said["pedal"]["kept_share"] == pytest.approx(0.25)


def test_pedals_that_only_like_brings_do_not_count():
    class Copying(Losing):
        def decode(self, steps, *, like=None):
            decoded = super().decode(steps, like=like)
            return decoded.replace(pedals=like.pedals) if like else decoded

    (report,) = roundtrip.compare_encoders([Copying()], [pedalled(walk(17))])
    assert report.facts(report.whole)["pedal"]["kept"] is False


def test_steps_a_note_leave_out_start_and_end():
    assert facts(lambda p: p, walk(18), steps=3)["steps_per_note"] == 3


def test_pieces_without_notes_have_nothing_to_lose():
    said = facts(lambda p: p, Piece())
    assert said["notes"] == 0 and said["lost_share"] is None
    assert said["onset_error_ms"] == {"median": None, "p99": None}
    everything = facts(lambda p: p.replace(notes=p.notes[:0]), walk(1))
    assert everything["lost_share"] == 1 and everything["steps_per_note"] is None


def test_a_failure_is_counted_and_stops_nothing():
    def fail(piece):
        if piece.name == "walk 2":
            raise HowlkitError("no twos\x1b[2J")
        if piece.name == "walk 3":
            raise SystemExit(3)
        return piece

    (report,) = roundtrip.compare_encoders([Losing(fail)], [walk(n) for n in range(1, 5)])
    assert [one.name for one in report.losses] == ["walk 1", "walk 4"]
    assert [one.piece for one in report.failures] == ["walk 2", "walk 3"]
    assert report.failures[0].error == "HowlkitError: no twos\\x1b[2J"


def test_the_worst_come_first():
    def drop(piece):
        return without(piece, slice(0, int(piece.name.split()[1])))

    (report,) = roundtrip.compare_encoders([Losing(drop)], [walk(n) for n in (2, 9, 0, 5)])
    assert [one.lost for one in report.worst()] == [9, 5, 2, 0]
    assert [one.name for one in report.worst(1)] == ["walk 9"]


@pytest.mark.parametrize(
    "encoder", [Tuple(), Tuple(clock="seconds"), Tuple(grid=2), Tuple(velocities=1)]
)
def test_the_tuple_encoder_loses_no_note(encoder):
    pieces = [random_piece(seed, 500, longest_gap=gap) for seed, gap in ((1, 700), (2, 60))]
    (report,) = roundtrip.compare_encoders([encoder], pieces)
    said = report.facts(report.whole)
    assert nothing_lost(said) and said["wrong_program_share"] == 0
    assert said["drums_kept_share"] == 1 and said["steps_per_note"] == 1
    assert said["tempo"]["kept"] is False
    grid = {"beats": 0.651234, "seconds": 1.0}[encoder.clock] * 1000 / encoder._grid
    assert 0 < said["onset_error_ms"]["p99"] <= grid / 2 + 1
    assert said["velocity_error"]["p99"] <= 64 / encoder.velocities + 0.5


def test_the_tuple_encoder_without_programs_says_so():
    piece = random_piece(3, 300)
    (report,) = roundtrip.compare_encoders([Tuple(programs=False)], [piece])
    said = report.facts(report.whole)
    drums, strings = piece.notes["program"] == DRUMS, piece.notes["program"] == 40
    assert (said["lost"], said["added"]) == (drums.sum(), 0)
    assert said["wrong_program_share"] == pytest.approx(strings.sum() / (~drums).sum())


@dataclasses.dataclass(frozen=True)
class Half(Losing):
    """Every other note."""

    every: int = option(2, "one note in so many stays", low=1)
    name: ClassVar[str] = "half"

    def __post_init__(self):
        object.__setattr__(self, "pieces", [])
        object.__setattr__(self, "holds", ())
        object.__setattr__(self, "steps", 1)

    def change(self, piece):
        if piece.name.endswith("03.mid"):
            raise ValueError("not this one")
        return piece.replace(notes=piece.notes[:: self.every])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanting(Half):
    """One that cannot do without an option."""

    needed: int = option(help="has no default")
    name: ClassVar[str] = "wanting"


@pytest.fixture
def two_encoders(monkeypatch):
    """Tuple and another that fails at one piece, as if installed."""
    found = registry.Plugins.load([])
    few = tuple(c for c in found.components if c.kind != "encoder" or c.name == "tuple")
    more = tuple(Component(c.name, "encoder", c, "strange", "1", "") for c in (Half,))
    monkeypatch.setattr(registry, "load", lambda: dataclasses.replace(found, components=few + more))


def test_the_command_shows_a_row_an_encoder_and_what_to_do_next(howlkit, music, two_encoders):
    code, out, err = howlkit("roundtrip", music)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "12 pieces, 2,160 notes"
    assert [line.split()[0] for line in lines[4:]] == ["tuple", "half"]
    assert lines[5].split()[1:3] == ["50", "0"]
    assert max(map(len, lines)) <= 100
    assert "half failed on 1 of 12 pieces" in err and "1/03.mid: ValueError: not this one" in err
    assert err.splitlines()[-1].endswith(f"howlkit train {music} --encoder tuple")


def test_the_command_takes_encoders_and_options(howlkit, music, two_encoders):
    code, out, err = howlkit(
        "roundtrip", music, "--encoder", "half", "-o", "half.every=3", "--worst", 2
    )
    assert code == 0
    assert "tuple" not in out and out.splitlines()[4].split()[:3] == ["half", "67", "0"]
    assert "half: the files with the largest losses" in out and len(out.splitlines()) == 11
    assert err.splitlines()[-1].endswith("--encoder half -o half.every=3")


def test_an_encoder_named_twice_is_compared_once(howlkit, music):
    code, out, _ = howlkit("roundtrip", music, "--encoder", "tuple,tuple", "--encoder", "tuple")
    assert code == 0 and len(out.splitlines()) == 5


def test_the_command_prints_json_with_every_piece(howlkit, music, two_encoders):
    code, out, err = howlkit("roundtrip", music, "--json")
    assert code == 0 and "lost, added" not in err
    kept, half = json.loads(out)
    assert (kept["encoder"], half["encoder"]) == ("tuple", "half")
    assert kept["options"]["clock"] == "beats" and half["options"] == {"every": 2}
    assert half["pieces"] == 11 and half["lost_share"] == pytest.approx(0.5)
    assert half["failed"] == [{"piece": "1/03.mid", "error": "ValueError: not this one"}]
    assert len(half["worst"]) == 11 and half["worst"][0]["lost"] == 90
    assert len(json.loads(howlkit("roundtrip", music, "--json", "--worst", 1)[1])[0]["worst"]) == 1


def test_the_page_shows_what_the_command_says_of_the_chorales(howlkit):
    code, out, err = howlkit("roundtrip", "--encoder", "tuple")
    assert code == 0 and "Bach chorales" in err
    page = (Path(__file__).parents[2] / "docs/roundtrip.md").read_text()
    shown = re.search(r"<!-- from howlkit roundtrip -->\n```\n(.*?)```", page, re.DOTALL)
    lines = [line.split() for line in shown[1].splitlines()]
    assert all(line.split() in lines for line in out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--encoder", "tupel"], "Did you mean 'tuple'?"),
        (["-o", "tupel.grid=3"], "Did you mean 'tuple'?"),
        (["-o", "tuple.gird=3"], "Did you mean 'grid'?"),
        (["-o", "lstm.hidden=3"], "which is not compared"),
    ],
)
def test_mistakes_are_wrong_usage(howlkit, music, arguments, words):
    code, out, err = howlkit("roundtrip", music, *arguments)
    assert (code, out) == (2, "") and words in err


def test_an_encoder_that_cannot_do_with_its_defaults_is_left_out(howlkit, music, monkeypatch):
    found = registry.Plugins.load([])
    more = (Component("wanting", "encoder", Wanting, "strange", "1", ""),)
    monkeypatch.setattr(
        registry, "load", lambda: dataclasses.replace(found, components=found.components + more)
    )
    code, out, err = howlkit("roundtrip", music)
    assert (
        code == 0 and "wanting" not in out and "wanting is left out: wanting.needed has no" in err
    )
    assert howlkit("roundtrip", music, "--encoder", "wanting")[0] == 2
    assert howlkit("roundtrip", music, "-o", "wanting.needed=1")[0] == 0


def test_what_an_encoder_prints_stays_out_of_the_json(howlkit, music, monkeypatch):
    encode = Tuple.encode
    monkeypatch.setattr(
        Tuple, "encode", lambda self, piece: print("chatter") or encode(self, piece)
    )
    code, out, err = howlkit("roundtrip", music, "--json")
    assert code == 0 and json.loads(out) and "chatter" in err


def test_a_file_of_its_own_is_compared(howlkit, tmp_path):
    write(walk(1), tmp_path / "a.mid")
    code, out, _ = howlkit("roundtrip", tmp_path / "a.mid")
    assert code == 0 and f"1 pieces, {len(midi.read(tmp_path / 'a.mid'))} notes" in out
