"""`howlkit info` as its users meet it."""

import io
import json
import sys
from types import SimpleNamespace

from howlkit.dataset import prepare
from tests.commands.test_prepare import here  # noqa: F401 - a fixture


def test_a_midi_file_may_come_from_stdin(here, howlkit, monkeypatch):  # noqa: F811
    data = (here / "music" / "0" / "00.mid").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    code, out, _ = howlkit("info", "-", "--json")
    named = json.loads(howlkit("info", "music/0/00.mid", "--json")[1])
    assert code == 0 and json.loads(out) == named | {"file": "stdin"}
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"text")))
    code, _, err = howlkit("info", "-")
    assert code == 1 and "stdin is not a MIDI file" in err


def test_a_dataset_tells_how_its_files_fared(here, howlkit):  # noqa: F811
    (here / "music" / "broken.mid").write_bytes(b"nothing")
    (here / "music" / "copy.mid").write_bytes((here / "music" / "0" / "00.mid").read_bytes())
    prepare([here / "music"], here / "my data")
    code, out, err = howlkit("info", "my data", "--json")
    told = json.loads(out)
    assert code == 0 and told["hours"] == round(told["hours"], 2)
    assert (told["found"], told["skipped"], told["exact_duplicates"]) == (14, 1, 1)
    assert err.splitlines()[-1].startswith("Train on it: howlkit train 'my data'")
    assert "skipped: 1" in howlkit("info", "my data")[1]
    (here / "my data" / "report.json").write_text("[" * 10_000)
    assert "skipped" not in json.loads(howlkit("info", "my data", "--json")[1])


def test_what_to_do_next_is_on_stderr(here, howlkit):  # noqa: F811
    code, out, err = howlkit("info", "music/0/00.mid")
    assert code == 0 and "howlkit plot music/0/00.mid" in err and "plot" not in out


def test_no_path_reaches_the_terminal_raw(here, howlkit):  # noqa: F811
    (here / "mu\x1b[2Jsic").mkdir()
    code, out, err = howlkit("info", "mu\x1b[2Jsic")
    assert code == 1 and "\x1b" not in out + err and "\\x1b" in err
