"""DATA as users give it: nothing, a dataset, or folders that are prepared once."""

import sys
import threading
import time

import pytest

from howlkit.dataset import folder, opening, prepare
from howlkit.errors import DataError


def test_nothing_is_the_chorales_that_ship():
    told = []
    data = opening.open_data([], tell=told.append)
    assert len(data) == 361 and "Bach chorales" in told[0]
    assert [len(data.indices(part)) for part in data.parts] == [289, 35, 37]


def test_a_folder_is_read_once_and_again_only_where_it_changed(music):
    told = []
    first = opening.open_data([music], tell=told.append)
    again = opening.open_data([music], tell=told.append)
    assert len(first) == 12 and first.fingerprint == again.fingerprint
    assert "12 read" in told[0] and "12 unchanged" in told[1]


def test_a_dataset_is_itself_and_must_be_given_alone(music, tmp_path):
    prepare([music], tmp_path / "data")
    assert opening.open_data([tmp_path / "data"], tell=print).path == tmp_path / "data"
    with pytest.raises(DataError, match="given alone"):
        opening.open_data([tmp_path / "data", music], tell=print)


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_two_runs_that_begin_on_one_folder_take_turns(music):
    told, done = [], threading.Event()

    def second():
        opening.open_data([music], tell=told.append)
        done.set()

    out = opening.cache_folder() / "datasets" / opening._name([music])
    with folder.writing(out):
        thread = threading.Thread(target=second)
        thread.start()
        while not told:
            time.sleep(0.01)
        time.sleep(0.5)  # it asks again, and says so only once
        assert not done.is_set() and len(told) == 1 and "waiting" in told[0]
    thread.join()
    assert done.is_set() and "12 read" in told[1]
