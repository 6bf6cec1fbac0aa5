"""Does it copy? Finds passages of the training music in other music, in any key and tempo.

note_lines: a piece as the line of its notes. seeds: hashes of a few notes in a row. index: the
training music, searchable. passages and extension: the search. yardstick: what held-out pieces
share. training_music and stored: both of a dataset, and as a file beside a run. auditing: what is
found, in bars and seconds.
"""
