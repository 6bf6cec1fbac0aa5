import pytest

from howlkit.errors import HowlkitError
from howlkit.music.general_midi import GROUPS, NAMES, programs


@pytest.mark.parametrize("program", range(128))
def test_every_instrument_is_found_by_its_name_and_its_number(program):
    assert programs(NAMES[program]) == programs(NAMES[program].upper()) == (program,)
    assert programs(str(program)) == (program,)


def test_drums_are_the_program_after_the_last():
    assert programs("drums") == programs("128") == (128,)
    assert programs("steel drums") == (NAMES.index("Steel Drums"),)


def test_a_part_that_one_name_has_is_enough():
    assert [NAMES[p] for p in programs("acoustic grand")] == ["Acoustic Grand Piano"]
    assert [NAMES[p] for p in programs("harp")] == ["Orchestral Harp"]  # not the harpsichord
    assert [NAMES[p] for p in programs("glocken")] == ["Glockenspiel"]


@pytest.mark.parametrize("group", ["piano", "organ", "guitar", "bass", "sax", "lead", "pad"])
def test_all_programs_of_a_group_bear_its_name(group):
    assert all(group in NAMES[program].lower() for program in GROUPS[group])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("celo", "Did you mean 'cello'?"),
        ("grand piano", "Acoustic Grand Piano, Electric Grand Piano"),
        ("129", "0..127"),
        ("", "is no instrument"),
        ("-1", "is no instrument"),
    ],
)
def test_a_word_that_is_no_instrument_is_refused_in_words(text, said):
    with pytest.raises(HowlkitError) as error:
        programs(text)
    assert said in str(error.value)
