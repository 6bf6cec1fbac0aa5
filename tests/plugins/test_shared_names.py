"""The source and the writer of one format have one name, and each command means its own."""

import json

import pytest

from howlkit.dataset import Dataset
from howlkit.plugins import Plugins, registry
from howlkit.plugins.attribution import owner_of
from tests.plugins.plugin_site import HEAD
from tests.training.test_trainer import trainer

TOP = f"""{HEAD}
import json
from howlkit.errors import DataError
from howlkit.music import Piece
from howlkit.options import option
"""
SOURCE = '''
@dataclass(frozen=True)
class In:
    """Reads lists of pitches."""
    step: int = option(480, "ticks from note to note", low=1, high=960)
    name: ClassVar[str] = "abc"
    suffixes: ClassVar[tuple[str, ...]] = (".pitches",)
    collections = {}
    def read(self, path):
        try:
            pitches = json.loads(path.read_text())
        except ValueError as error:
            raise DataError("it is no list of pitches") from error
        yield Piece.of([(i * self.step, 100, pitch) for i, pitch in enumerate(pitches)])
@hookimpl
def register_sources(register):
    register(In)
'''
WRITER = '''
@dataclass(frozen=True)
class Out:
    """Writes lists of pitches."""
    up: int = option(0, "semitones", low=0, high=2)
    name: ClassVar[str] = "abc"
    suffixes: ClassVar[tuple[str, ...]] = (".pitches",)
    def write(self, piece, path):
        path.write_text(json.dumps([int(pitch) // 4 + self.up for pitch in piece.notes["pitch"]]))
@hookimpl
def register_writers(register):
    register(Out)
'''
BOTH = (
    (TOP + SOURCE + WRITER)
    .replace("register(Out)", "register(In)")
    .replace(
        "    def read(",
        "    write = lambda self, piece, path: path.write_text('[60]')\n    def read(",
    )
)


@pytest.fixture
def abc(site):
    """Two distributions, a source and a writer, both called abc."""
    site.install("howlkit-abc-in", TOP + SOURCE)
    site.install("howlkit-abc-out", TOP + WRITER)
    registry.load.cache_clear()
    yield site
    registry.load.cache_clear()


def test_both_are_listed_and_shown(abc, howlkit):
    rows = json.loads(howlkit("plugins", "list", "--json")[1])
    assert [row["kind"] for row in rows if row["name"] == "abc"] == ["source", "writer"]
    assert all(row["status"] == "ok" for row in rows)
    code, out, _ = howlkit("plugins", "show", "abc")
    assert code == 0
    assert "abc (source): Reads lists" in out and "-o abc.step=" in out
    assert "abc (writer): Writes lists" in out and "-o abc.up=" in out


def test_prepare_means_the_source(abc, howlkit, tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music/a.pitches").write_text(json.dumps(list(range(50, 90))))
    arguments = "prepare", tmp_path / "music", "--out", tmp_path / "data"
    code, _, err = howlkit(*arguments, "-o", "abc.up=1")
    assert code == 2 and "abc has no option 'up'" in err and "step=480" in err
    code, _, err = howlkit(*arguments, "-o", "abc.step=120")
    assert code == 0, err
    assert next(Dataset.open(tmp_path / "data").pieces("train")).notes["start"][:3].tolist() == [
        0,
        120,
        240,
    ]


def test_sample_means_the_writer(abc, howlkit, tmp_path):
    trainer(tmp_path / "run", steps=1).train()
    arguments = "sample", tmp_path / "run", "--notes", "5", "--stepping", "plain"
    made = {}
    for up in (0, 2):
        out = tmp_path / f"{up}.pitches"
        code, _, err = howlkit(*arguments, "--out", out, "-o", f"abc.up={up}")
        assert code == 0, err
        made[up] = json.loads(out.read_text())
    assert made[2] == [pitch + 2 for pitch in made[0]] and len(made[0]) == 5
    code, _, err = howlkit(*arguments, "--out", tmp_path / "x.pitches", "-o", "abc.step=1")
    assert code in (1, 2) and "abc has no option 'step'" in err


def test_check_asks_which_and_checks_that_one(abc, howlkit):
    code, _, err = howlkit("plugins", "check", "abc")
    assert code == 2 and "'abc' is of kind source and writer: --kind source or --kind writer" in err
    for kind, option in (("source", "abc.step=2"), ("writer", "abc.up=1")):
        code, out, _ = howlkit("plugins", "check", "abc", "--kind", kind, "-o", option, "--json")
        assert code == 0, out
        assert json.loads(out)["kind"] == kind
    code, _, err = howlkit("plugins", "check", "tuple", "--kind", "writer")
    assert code == 2 and "'tuple' is of kind encoder: --kind encoder" in err


def test_a_template_may_have_the_name_of_the_other_kind(abc, howlkit, tmp_path):
    code, _, err = howlkit("plugins", "new", "source", "abc", "--dir", tmp_path)
    assert code == 1 and "there is 'abc' already, the source of howlkit-abc-in" in err
    abc.install("howlkit-only-out", (TOP + WRITER).replace('"abc"', '"only"'))
    registry.load.cache_clear()
    code, _, err = howlkit("plugins", "new", "source", "only", "--dir", tmp_path)
    assert code == 0, err


def test_one_class_may_be_both(site):
    site.install("howlkit-both", BOTH)
    loaded = Plugins.load(builtins=())
    assert not loaded.failures
    assert [component.kind for component in loaded.components] == ["source", "writer"]
    assert (
        owner_of(loaded.get("writer", "abc").cls()) == "source and writer 'abc' of howlkit-both 1.0"
    )


def test_other_kinds_share_no_name(site):
    sampler = (TOP + WRITER).replace("writers", "samplers").replace("def write(", "def generate(")
    site.install("howlkit-a", TOP + WRITER)
    site.install("howlkit-b", sampler.replace("self, piece, path", "self, session"))
    site.install("howlkit-c", TOP + WRITER)
    loaded = Plugins.load(builtins=())
    assert [component.distribution for component in loaded.components] == ["howlkit-a"]
    assert len(loaded.failures) == 2
    for failure in loaded.failures:
        assert "'abc', a name that the writer of howlkit-a 1.0 has already" in failure.cause
