"""What tutorials show is what `howlkit plugins new` writes, and what the docs promise is there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from howlkit.commands import plugin_template

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = r"<!-- from (\S+) -->\n```\w+\n(.*?)```"


def test_there_is_a_tutorial_for_every_kind():
    assert {page.stem for page in (DOCS / "tutorials").glob("*.md")} == set(plugin_template.USE)


@pytest.mark.parametrize(
    "page", ["plugins", *(f"tutorials/{kind}" for kind in plugin_template.USE)]
)
def test_code_on_a_page_is_that_of_the_package_that_it_tells_to_write(page, tmp_path):
    text = (DOCS / f"{page}.md").read_text()
    kind, name = re.search(r"^    howlkit plugins new (\S+) (\S+)", text, re.MULTILINE).groups()
    folder = plugin_template.write(kind, name, tmp_path)
    blocks = re.findall(BLOCK, text, re.DOTALL)
    assert len(blocks) >= 3
    for file, code in blocks:
        home = ROOT if file.startswith("docs/") else folder
        assert code in (home / file).read_text(), file


PAGES = [DOCS / f"{name}.md" for name in ("plugins", "hooks", "publishing", "python")]


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted((DOCS / "tutorials").glob("*.md"))], ids=lambda page: page.stem
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]*)[^)]*\)", page.read_text()):
        assert not target or (page.parent / target).exists(), target


def public_modules():
    text = (DOCS / "publishing.md").read_text().partition("<!-- public -->")[2]
    return re.findall(r"^\| `(howlkit[\w.]*)` \|", text, re.MULTILINE)


def test_what_is_promised_as_public_is_listed_by_its_module():
    modules = public_modules()
    assert len(modules) == 19
    for name in modules:
        module = import_module(name)
        assert module.__all__ and all(hasattr(module, public) for public in module.__all__)


@pytest.mark.parametrize("kind", plugin_template.USE)
def test_templates_import_only_what_is_public(kind):
    package = Path(import_module(f"howlkit.commands.plugin_template.{kind}").__file__).parent
    for source in [*package.glob("*.py"), package.with_name(f"{kind}_test.py")]:
        imports = re.findall(r"^ *from (howlkit\S*) import (.*)", source.read_text(), re.MULTILINE)
        for module, names in imports:
            if not module.startswith("howlkit.commands.plugin_template"):
                assert module in public_modules(), source
                assert set(names.split(", ")) <= set(import_module(module).__all__), source
