"""New plugins: a package for each kind of component, written from the templates in this folder.

A template is code that runs: the folder `KIND` is a Python package whose component is called
`stencil`, `KIND_test.py` its tests. They are checked here as they stand; `write` only puts other
names into them.
"""

from __future__ import annotations

import importlib.util
import io
import keyword
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from string import Template
from types import MappingProxyType

from howlkit import __version__
from howlkit.errors import HowlkitError

__all__ = ["USE", "Names", "write"]

USE: Mapping[str, str] = MappingProxyType(
    {
        "encoder": "howlkit train my_midi_files --encoder stencil",
        "augmenter": "howlkit train my_midi_files --augment stencil",
        "model": "howlkit train my_midi_files --model stencil",
        "sampler": "howlkit sample --sampler stencil --out new.mid",
        "source": "howlkit prepare my_files --out dataset",
    }
)
"""How a component is used, by the kinds that there is a template of."""

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Names:
    """What a component, `my-swing`, is called in all places where it has a name."""

    component: str

    @property
    def distribution(self) -> str:
        """What pip calls the package: howlkit-my-swing."""
        return f"howlkit-{self.component.lower().replace('_', '-')}"

    @property
    def module(self) -> str:
        """What Python calls it: howlkit_my_swing."""
        return self.distribution.replace("-", "_")

    @property
    def cls(self) -> str:
        """What its class is called: MySwing."""
        return "".join(part[0].upper() + part[1:] for part in re.split("[-_]", self.component))

    def into(self, text: str, kind: str) -> str:
        """Return the text of a template with these names in place of its own."""
        own = {
            f"howlkit.commands.plugin_template.{kind}": self.module,
            "test_stencil": self.module.replace("howlkit_", "test_", 1),
            "howlkit-stencil": self.distribution,
            "Stencil": self.cls,
            "stencil": self.component,
        }
        names = "|".join(re.escape(name) for name in own)
        return re.sub(rf"(?<!\w)({names})(?!\w)", lambda match: own[match[0]], text)


def write(kind: str, name: str, parent: Path) -> Path:
    """Write a package with a component of a kind into a new folder of `parent`, and return it.

    Raises HowlkitError for a name that cannot be, is taken or means something in the template, and
    for a folder that is there already.
    """
    _check_name(name)
    names, template = Names(name), _template(kind)
    _check_free(names)
    _check_class(names, [text for path, text in template.items() if path.endswith(".py")])
    folder = parent / names.distribution
    if folder.exists():
        raise HowlkitError(
            f"{folder} is there already, and nothing is written over: name another --dir, or "
            "another component"
        )
    for path, text in template.items():
        target = folder / names.into(path, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(names.into(text, kind), encoding="utf-8")
    return folder


def _template(kind: str) -> dict[str, str]:
    """Return the text of each file of a package by its path, both with the template's names."""
    component = import_module(f"howlkit.commands.plugin_template.{kind}").Stencil
    values = {
        "kind": kind,
        "summary": component.__doc__.partition("\n")[0],
        "use": USE[kind],
        "howlkit": ".".join(__version__.split(".")[:2]),
    }
    files = {
        name: Template((HERE / name).read_text(encoding="utf-8")).substitute(values)
        for name in ("pyproject.toml", "README.md")
    }
    for source in sorted((HERE / kind).glob("*.py")):
        files[f"howlkit.commands.plugin_template.{kind}/{source.name}"] = source.read_text(
            encoding="utf-8"
        )
    files["tests/test_stencil.py"] = (HERE / f"{kind}_test.py").read_text(encoding="utf-8")
    return files


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", name):
        raise HowlkitError(
            f"{name!r} is no name for a component: a letter, then letters and digits, with single "
            "- or _ between them, such as my-swing"
        )


def _check_free(names: Names) -> None:
    """Raise HowlkitError if a component or a module has such a name."""
    from howlkit import plugins
    from howlkit.plugins.loading import RESERVED

    own = names.component
    for component in plugins.components():
        if component.name.lower() == own.lower():
            raise HowlkitError(
                f"there is {component.name!r} already, the {component.kind} of "
                f"{component.distribution} {component.version}; choose another name"
            )
    if own in RESERVED:
        raise HowlkitError(
            f"{own!r} is what the core's own options are called; choose another name"
        )
    if importlib.util.find_spec(names.module) is not None:
        raise HowlkitError(
            f"a module {names.module!r} is installed already; choose another name, or remove that "
            f"first: howlkit plugins uninstall {names.distribution}"
        )


def _check_class(names: Names, sources: Iterable[str]) -> None:
    """Raise HowlkitError if the name of the class is a word of Python, or of the template."""
    words = {
        token.string
        for source in sources
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.NAME
    }
    if keyword.iskeyword(names.cls) or names.cls in words:
        raise HowlkitError(
            f"its class would be called {names.cls}, which means something else in the code; "
            f"choose another name, such as my-{names.component}"
        )
