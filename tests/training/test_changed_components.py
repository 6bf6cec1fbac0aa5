"""A component that changed after a run was trained is told by what changed, and at what version."""

import json
import sys

import pytest

from howlkit.commands import plugin_template
from howlkit.errors import CheckpointError
from howlkit.music import midi
from howlkit.plugins import registry
from howlkit.sampling.trained import Trained
from howlkit.schema import Field, Schema, bits, real
from howlkit.training.changed_components import schema_changes
from tests.conftest import tune
from tests.plugins.plugin_site import site  # noqa: F401 - a fixture


class Author:
    """Somebody who installs an encoder, trains with it, and changes its code."""

    def __init__(self, site, howlkit, folder):  # noqa: F811
        self.howlkit, self.folder = howlkit, folder
        package = plugin_template.write("encoder", "odd", folder / "written")
        self.code = (package / "howlkit_odd/__init__.py").read_text()
        site.install("howlkit-odd", self.code)
        registry.load.cache_clear()
        self.module = site.folder / "howlkit_odd.py"
        for seed in range(6):
            midi.write(tune(seed), folder / f"music/{seed}.mid")
        self.run = folder / "run"
        parts = "--encoder", "odd", "--model", "lstm", "-o", "lstm.hidden=16"
        small = "-o", "training.batch=2", "--steps", "2", "--out-dir", self.run
        code, _, err = howlkit("train", folder / "music", *parts, *small)
        assert code == 0, err

    def changes(self, *replacements):
        code = self.code
        for old, new in replacements:
            assert old in code
            code = code.replace(old, new)
        self.module.write_text(code)
        self.reload()

    def reload(self):
        for name in [name for name in sys.modules if name.startswith("howlkit_odd")]:
            del sys.modules[name]
        registry.load.cache_clear()

    def is_told(self):
        """Return what sampling and resuming say, which is the same but for the folder."""
        code, _, sampling = self.howlkit("sample", self.run, "--notes", "5", "--out", "new.mid")
        assert code == 1 and "Traceback" not in sampling
        with pytest.raises(CheckpointError) as direct:
            Trained.from_pretrained(self.run)
        assert str(direct.value) in sampling
        arguments = "train", "--resume", "--out-dir", self.run, "--steps", "4"
        code, _, resuming = self.howlkit(*arguments)
        assert code == 1 and "Traceback" not in resuming
        said = str(direct.value).removeprefix(f"{self.run / 'model'}: ")
        assert said in resuming
        return said


@pytest.fixture
def author(site, howlkit, tmp_path, monkeypatch):  # noqa: F811
    (tmp_path / "music").mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions within one second
    registry.load.cache_clear()
    made = Author(site, howlkit, tmp_path)
    yield made
    made.reload()


SAME = (
    "That version of howlkit-odd is installed, so it was changed without a new version: use the "
    "code that this was trained with"
)


def test_a_schema_that_changed_at_the_same_version_is_told_by_its_fields(author):
    author.changes(("8 * self.grid", "4 * self.grid"), ('unit="semitone; 127: none"', 'unit=""'))
    assert author.is_told() == (
        "the encoder 'odd' (howlkit-odd 1.0) has other fields now: `shift` had 97 choices and has "
        "49; the unit of `interval` was 'semitone; 127: none' and is ''; `duration` had 96 choices "
        f"and has 48. {SAME}"
    )


def test_a_schema_that_changed_in_another_version_says_what_to_install(author, site):  # noqa: F811
    (site.folder / "howlkit_odd-1.0.dist-info").rename(site.folder / "howlkit_odd-2.0.dist-info")
    metadata = site.folder / "howlkit_odd-2.0.dist-info/METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "2.0"))
    author.changes(('"shift"', '"gap"'))
    said = author.is_told()
    assert "(howlkit-odd 1.0) has other fields now: `shift` is called `gap`." in said
    assert "howlkit plugins install 'howlkit-odd==1.0'" in said and "without a new" not in said


def test_a_renamed_option_is_told_with_the_one_that_it_became(author):
    author.changes(("grid", "resolution"))
    said = author.is_told()
    assert said.startswith(
        "the encoder 'odd' (howlkit-odd 1.0) has no option `grid` now, which was 12 when this was "
        f"trained; did it become `resolution`? Its options: resolution. {SAME}. If `resolution` is "
        "the same option, you may also rename it"
    )
    for path in (author.run / "config.json", author.run / "model/config.json"):  # as it advises
        path.write_text(path.read_text().replace('"grid"', '"resolution"'))
    code, _, err = author.howlkit("train", "--resume", "--out-dir", author.run, "--steps", "4")
    assert code == 0, err
    assert Trained.from_pretrained(author.run).recipe.encoder.resolution == 12


def test_an_option_that_is_gone_or_refuses_its_value_is_told(author):
    option = '    grid: int = option(12, "positions a beat", low=1, high=96)\n'
    author.changes((option, "    grid: ClassVar[int] = 12\n"))
    said = author.is_told()
    assert "has no option `grid` now, which was 12" in said and "Its options: none." in said
    assert "become" not in said and "rename" not in said
    author.changes(("high=96", "high=8"), ("option(12", "option(6"))
    said = author.is_told()
    told = "refuses options that this was trained with: odd.grid is 12; allowed: int, 1..8. "
    assert told + SAME in said


def test_a_component_that_is_gone_at_the_same_version_is_told(author):
    author.changes(('"odd"', '"even"'))
    said = author.is_told()
    assert "needs the encoder 'odd' of howlkit-odd 1.0, and version 1.0 of it is installed" in said
    assert SAME in said and "plugins install" not in said


def test_a_run_of_an_earlier_version_has_its_schema_in_the_model_folder(author):
    path = author.run / "config.json"
    config = json.loads(path.read_text())
    del config["schema"]
    path.write_text(json.dumps(config))
    author.changes(("8 * self.grid", "4 * self.grid"))
    assert "`duration` had 96 choices and has 48" in author.is_told()
    (author.run / "model/schema.json").unlink()
    author.changes()
    code, _, err = author.howlkit("train", "--resume", "--out-dir", author.run, "--steps", "4")
    assert code == 0, err


KIND = Field("kind", 3)


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ([KIND], [KIND, Field("x", 2)], ["`x` is new"]),
        ([KIND, Field("x", 2)], [KIND], ["there was `x`"]),
        ([KIND, Field("x", 2)], [KIND, Field("y", 3)], ["there was `x`", "`y` is new"]),
        ([KIND, Field("x", 2)], [Field("x", 2), KIND], ["the order was kind, x and is x, kind"]),
        (
            [KIND, Field("x", 2)],
            [KIND, Field("x", 2, when=("kind", (1,)))],
            ["`when` of `x` was None and is ('kind', (1,))"],
        ),
        (
            [real("x", 0, 1, resolution=0.5)],
            [bits("x", 3)],
            [
                "`x` was a real field and is a bits field",
                "`x` had 3 choices and has 4",
                "`ordered` of `x` was True and is False",
                "`resolution` of `x` was 0.5 and is 1.0",
            ],
        ),
    ],
)
def test_each_difference_of_two_schemas_is_told(was, now, told):
    was, now = Schema(tuple(was)), Schema(tuple(now))
    assert schema_changes(was, now) == told
    assert schema_changes(was, was) == []
    seconds = Schema(was.fields, "seconds")
    assert schema_changes(was, seconds) == ["its clock counted beats and counts seconds"]
