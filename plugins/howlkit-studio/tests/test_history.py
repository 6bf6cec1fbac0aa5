"""The history of a piece and its file."""

import pytest
from howlkit_studio import edits
from howlkit_studio.document import Document, MadeNote, Note, Track
from howlkit_studio.history import History
from howlkit_studio.lines import Lines, line
from howlkit_studio.pieces import document_of, piece_of

from howlkit import HowlkitError
from howlkit.music import midi

NOTE = Note(0, 0, 480, 60, 80, 1)


@pytest.fixture
def history(tmp_path):
    document = Document(tracks=(Track(1, "Piano", 0),))
    made = History.begin(tmp_path / "history", "A piece", document)
    yield made
    made.close()


def add(history, pitch):
    edit = edits.Add((Note(0, 0, 480, pitch, 80, 1),))
    return history.add(edit.change(history.document, history.next_id), "add").id


def pitches(history):
    return [note.pitch for note in history.document.notes.values()]


def test_undo_and_redo_go_back_and_forth_without_limit(history):
    seen = [history.document.to_bytes()]
    for pitch in range(40, 80):
        add(history, pitch)
        seen.append(history.document.to_bytes())
    for before in reversed(seen[:-1]):
        history.undo()
        assert history.document.to_bytes() == before
    with pytest.raises(HowlkitError, match="nothing to undo"):
        history.undo()
    for after in seen[1:]:
        history.redo()
        assert history.document.to_bytes() == after


def test_an_edit_after_an_undo_begins_a_branch_and_the_other_is_kept(history):
    add(history, 60)
    first = add(history, 62)
    history.undo()
    second = add(history, 64)
    assert pitches(history) == [60, 64]
    change = history.go(first)
    assert pitches(history) == [60, 62] and change.touched == 2
    history.undo()
    history.redo()  # towards the one that was left last
    assert pitches(history) == [60, 62]
    history.go(second)
    assert pitches(history) == [60, 64]


def test_an_id_is_never_given_twice_in_no_branch(history):
    add(history, 60)
    [first] = history.document.notes
    history.undo()
    add(history, 60)
    assert first not in history.document.notes


def test_reading_the_file_again_leads_to_the_same_state(history):
    for pitch in (60, 62, 64):
        add(history, pitch)
    history.undo()
    history.rename("Another")
    again = History.open(history._lines.path)
    assert again.document.to_bytes() == history.document.to_bytes()
    assert (again.head, again.name, again.can_redo) == (2, "Another", True)
    again.close()


def test_the_file_cut_at_any_byte_gives_a_state_that_was(history, tmp_path):
    shown = {}
    for pitch in (60, 62):
        add(history, pitch)
        shown[history._lines.path.stat().st_size] = history.document.to_bytes()
    data = history._lines.path.read_bytes()
    begins = data.index(b"\n") + 1
    for length in range(begins, len(data) + 1):
        path = tmp_path / "cut"
        path.write_bytes(data[:length])
        cut = History.open(path)
        whole = max((size for size in shown if size <= length), default=0)
        expected = shown[whole] if whole else Document(tracks=(Track(1, "Piano", 0),)).to_bytes()
        assert cut.document.to_bytes() == expected
        assert bool(cut.told) == (length not in (*shown, begins))
        add(cut, 70)  # and it can be gone on with
        cut.close()
        cut = History.open(path)
        assert 70 in pitches(cut) and not cut.told
        cut.close()


def test_a_file_that_is_damaged_in_the_middle_is_kept_aside(history, tmp_path):
    add(history, 60)
    add(history, 62)
    data = bytearray(history._lines.path.read_bytes())
    data[data.index(b"\n") + 30] ^= 1
    path = tmp_path / "damaged"
    path.write_bytes(data)
    opened = History.open(path)
    assert not opened.document.notes and "kept as" in opened.told
    assert (tmp_path / "damaged.damaged-1").read_bytes() == data
    opened.close()


def test_what_is_no_history_is_refused(tmp_path):
    (tmp_path / "other").write_bytes(line({"entry": "something"}))
    with pytest.raises(HowlkitError, match="no history"):
        History.open(tmp_path / "other")


def test_a_passage_that_was_being_made_is_there_after_a_kill(history):
    one, two = MadeNote(0, 9, 60, 80, 1, 0), MadeNote(9, 9, 62, 80, 1, 0)
    history.begin_draft({"id": history.next_id(), "kind": "go_on"}, [5])
    history.go_on_draft(0, [one, one])
    history.go_on_draft(1, [two])
    again = History.open(history._lines.path)
    assert again.draft.notes == [one, two] and again.draft.gone == [5]
    again.close()


def test_a_line_that_does_not_fit_the_disk_leaves_the_file_whole(tmp_path):
    resource = pytest.importorskip("resource")
    lines = Lines(tmp_path / "lines")
    lines.append(1)
    size, limit = lines.path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, limit[1]))
    try:
        with pytest.raises(HowlkitError, match="nothing has changed"):
            lines.append({"much": "more"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    lines.append(2)
    lines.close()
    again = Lines(tmp_path / "lines")
    assert again.values == [1, 2]
    again.close()


@pytest.mark.parametrize("kind", [edit.kind for edit in edits.EDITS])
def test_every_edit_is_undone_to_the_byte(kind):
    notes = {2: Note(2, 0, 480, 60, 80, 1), 3: Note(3, 700, 100, 64, 90, 4)}
    document = Document(notes=notes, tracks=(Track(1, "Piano", 0), Track(4, "Bass", 32)))
    wanted = {
        "add": edits.Add((NOTE,)),
        "remove": edits.Remove((2,)),
        "move": edits.Move((2, 3), 100, -3),
        "copy": edits.Copy((3,), 100, 1, 1),
        "resize": edits.Resize((2, 3), -200),
        "velocity": edits.Velocity((2,), by=100),
        "quantise": edits.Quantise((3,), 480, ends=True),
        "lock": edits.Lock((2,)),
        "set": edits.Set({2: {"pitch": 61}, 3: {"start": 0, "duration": 7}}),
        "track_add": edits.TrackAdd("Drums", 128),
        "track_change": edits.TrackChange(4, program=33),
        "track_remove": edits.TrackRemove(4),
        "track_order": edits.TrackOrder((4, 1)),
        "tempo": edits.SetTempo(480, 90),
        "time_signature": edits.SetTimeSignature(0, 3, 4),
    }
    ids = iter(range(10, 100))
    change = wanted[kind].change(document, lambda: next(ids))
    after = change.apply(document)
    assert change and after != document
    assert change.inverse.apply(after).to_bytes() == document.to_bytes()


def test_quantise_moves_part_of_the_way_and_keeps_lengths():
    document = Document(notes={2: Note(2, 500, 100, 60, 80, 1)}, tracks=(Track(1, "", 0),))
    change = edits.Quantise((2,), 480, 0.5).change(document, lambda: 9)
    assert change.after[2] == Note(2, 490, 100, 60, 80, 1)


def test_an_imported_piece_comes_back_with_all_that_the_studio_does_not_show(tune):
    piece = midi.read(tune)
    pedals = piece.pedals[:0].copy()
    pedals.resize(1)
    pedals["duration"], pedals["track"] = 480, 1
    piece = piece.replace(pedals=pedals)
    document = document_of(piece)
    back, ids = piece_of(Document.from_json(document.to_json()))
    assert back == piece
    assert [document.notes[number].pitch for number in ids] == piece.notes["pitch"].tolist()
