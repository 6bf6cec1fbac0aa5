"""Pieces to and from the values of other libraries: note arrays, symusic, pretty_midi."""
