"""Folders of music made into a dataset: pieces on disk, once for every encoder, split into parts.

    DATASET/dataset.json                 format, options, counts, fingerprint: written last
            pieces-<digest>.safetensors  one row a piece: where it is, part, group (catalog.py)
            shard-00000.safetensors ...  the notes and all else (shards.py, records.py)
            files.jsonl                  one line a file that was read (file_list.py)
            report.json                  what `prepare` did (report.py)

Pieces stand in the order of their files. Files of the same notes are one piece; takes and variants
of one piece (sketches.py, duplicates.py) are one group, and a group is in one part (split.py).
Preparing again reads what is new or changed; what was broken off goes on where it was last kept.
The same files give the same bytes, whatever the number of workers (workers.py). The files' names
are in names.py, and who may write to a folder is in folder.py.
"""

from howlkit.dataset.dataset import Dataset
from howlkit.dataset.manifest import FORMAT
from howlkit.dataset.preparation import prepare, prepare_pieces
from howlkit.dataset.readers import Readers
from howlkit.dataset.report import PreparationReport, file_counts

__all__ = [
    "FORMAT",
    "Dataset",
    "Readers",
    "PreparationReport",
    "file_counts",
    "prepare",
    "prepare_pieces",
]
