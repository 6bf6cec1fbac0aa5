"""The quick reader gives what the exact one gives, and that is what the rules say."""

from collections import Counter

import pytest
from hypothesis import given, settings

from howlkit.music.midi.container import standard_file
from howlkit.music.midi.exact.reader import read_exactly
from tests.midi_bytes import END, chunk, file, off, on
from tests.music.midi import event_reader, random_files, rule_reader
from tests.music.midi.two_readers import EVERYTHING, compare, settled

PAIR = on(30, 60), off(60, 60)
FOUND = {  # files that the quick reader once read in another way
    "data before any status in a chunk that sets a program": file(
        chunk((0, (6, 77, 69, 0)), (9, (0xC0, 5)), *PAIR), chunk(*PAIR)
    ),
    "running status of a program after the head": file(
        chunk((0, (0xC0, 0)), (1, (5,))), chunk(on(0, 60), off(1, 60), on(2, 60), off(3, 60))
    ),
    "a port in the middle": file(
        chunk((0, (0xC0, 3)), *PAIR, (70, (0xFF, 0x21, 1, 1)), on(80, 60), off(90, 60))
    ),
    "running status after an exclusive message and a text": file(
        chunk(on(0, 60), (1, b"\xf0\x02\x01\xf7\0\xff\x01\0"), (9, (60, 0)))
    ),
    "running status after a system message": file(chunk(on(0, 60), (1, (0xF6,)), (9, (60, 0)))),
    "a reset of controllers in a chunk without a pedal": file(
        chunk((0, (0xB0, 64, 127)), *PAIR, on(90, 60), off(99, 60)),
        chunk((40, (0xB0, 121, 0)), *PAIR),
    ),
    "an escape": file(chunk(on(0, 60), (1, b"\xf7\x02\x01\x07"), off(9, 60))),
    "an early end after a note that hangs": file(chunk(on(0, 60), (9, END))),
    "an early end of a chunk without notes": file(
        chunk((0, END), (0, b"\xff\x51\x03\x01\0\0")), chunk(*PAIR)
    ),
    "an end that is a wait and a program": file(
        chunk(on(0, 60), (5, (0xC0, 5, *END)), end=b""), chunk(*PAIR)
    ),
    "a key signature of one byte": file(chunk((0, (0xFF, 0x59, 1, 0)), *PAIR)),
    "an impossible key at the tick of another": file(
        chunk((0, (0xFF, 0x59, 2, 8, 0))), chunk((0, (0xFF, 0x59, 2, 1, 0)), *PAIR)
    ),
    "a kit of drums in another chunk": file(
        chunk((50, (0xC9, 5))),
        chunk(on(0, 40, 80, 9), off(9, 40, 9), on(60, 40, 80, 9), off(70, 40, 9)),
    ),
    "a release as late as the end that is added": file(
        chunk(on(0, 60), off(2**27, 60), on(2**27, 62), off(2**27 + 9, 62))
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_files_once_read_in_two_ways_are_read_in_one(what):
    assert not compare(FOUND[what])[1]


def check_readers_agree(strategy, examples, least):
    """Compare both readers on random files; at least a share of them must be read quickly."""
    ways = Counter()

    @settings(max_examples=examples, deadline=None)
    @given(strategy)
    def check(data):
        way, difference = compare(data)
        ways[way] += 1
        assert not difference

    check()
    assert ways["quick"] >= least * ways.total()
    assert ways["exact"] > 0


def test_quick_is_exact_on_files_of_every_kind():
    check_readers_agree(random_files.files(), 300, 0.2)


def test_quick_is_exact_on_plain_files():
    plain = random_files.files(kinds=random_files.WHOLE[:14], most=2)
    check_readers_agree(plain, 250, 0.5)


def test_quick_is_exact_on_damaged_files():
    check_readers_agree(random_files.mutants(), 300, 0.03)


@settings(max_examples=250, deadline=None)
@given(random_files.files(kinds=random_files.WHOLE, most=4))
def test_exact_is_what_the_rules_say(data):
    file = standard_file(data)
    found, _ = settled(read_exactly(file, EVERYTHING, extras=False), file)
    heard = rule_reader.heard(event_reader.events(data))
    assert sorted(found["notes"]) == heard.notes
    assert sorted(found["pedals"]) == heard.pedals
    if file.beat is None:
        assert found["tempos"] == heard.tempos
    assert found["time_signatures"] == heard.time_signatures
    assert found["key_signatures"] == heard.key_signatures
