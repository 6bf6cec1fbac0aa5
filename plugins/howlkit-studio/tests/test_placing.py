"""On which tracks the notes of a model come."""

import itertools

from howlkit_studio.document import Document, Note, Track
from howlkit_studio.pieces import new_document, piece_of
from howlkit_studio.placing import Tracks, lines_of, settled

import howlkit
from howlkit import Piece

CHORD = [(0, 480, 72), (0, 480, 64), (0, 480, 60), (0, 480, 48)]


def voices(first):
    """Four voices in a document, one note each; the highest is on the track with the id `first`."""
    tracks = tuple(Track(first + k, "", 0) for k in range(4))
    notes = [Note(10 + k, *row, 80, first + k) for k, row in enumerate(CHORD)]
    return Document(notes={note.id: note for note in notes}, tracks=tracks)


def placed(encoder, document, made):
    prompt, _ = piece_of(document)
    tracks = Tracks(document, None, lines_of(encoder, prompt, document))
    return [note.track for note in tracks.placed(made.notes)]


def test_a_voice_goes_on_on_its_track_where_the_encoder_keeps_voices_apart():
    document, encoder = voices(5), howlkit.encoder("voices")
    # The second voice sings above the first one.
    rows = [(480, 480, 62, 80, 0, 0), (480, 480, 70, 80, 0, 1), (480, 480, 45, 80, 0, 3)]
    made = Piece.of(rows)
    by_pitch = dict(zip(made.notes["pitch"].tolist(), placed(encoder, document, made), strict=True))
    assert by_pitch == {62: 5, 70: 6, 45: 8}


def test_else_a_note_comes_on_the_track_that_is_nearest_in_pitch():
    document, encoder = voices(5), howlkit.encoder("tuple")
    made = Piece.of([(480, 480, 49), (480, 480, 71)])
    assert placed(encoder, document, made) == [8, 5]


def test_the_voices_of_new_music_get_a_track_each_in_their_order():
    document, encoder = new_document(), howlkit.encoder("voices")
    made = Piece.of([(0, 480, pitch, 80, 0, k) for k, (_, _, pitch) in enumerate(CHORD)])
    tracks = Tracks(document, None, lines_of(encoder, Piece(), document))
    ids = itertools.count(50)
    after = settled(document, tracks.placed(made.notes), (), 9, lambda: next(ids)).apply(document)
    pitches = {note.track: note.pitch for note in after.notes.values()}
    assert [pitches[track.id] for track in after.tracks] == [72, 64, 60, 48]


def test_voices_that_are_new_beside_a_melody_get_tracks_of_their_own():
    melody = Document(notes={7: Note(7, *CHORD[0], 80, 3)}, tracks=(Track(3, "Piano", 0),))
    rows = [(480, 480, pitch, 80, 0, k) for k, (_, _, pitch) in enumerate(CHORD)]
    tracks = placed(howlkit.encoder("voices"), melody, Piece.of(rows))
    assert 3 in tracks and len(set(tracks)) == 4 and sum(track < 0 for track in tracks) == 3
