"""The quick reader gives what the exact one gives, and that is what the rules say."""

from collections import Counter

from hypothesis import given, settings

from howlkit.music.midi.container import standard_file
from howlkit.music.midi.exact.reader import read_exactly
from tests.music.midi import event_reader, random_files, rule_reader
from tests.music.midi.two_readers import EVERYTHING, compare, settled


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
    check_readers_agree(random_files.mutants(), 300, 0.1)


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
