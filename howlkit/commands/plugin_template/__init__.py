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
        "encoder": "howlkit train --encoder stencil",
        "augmenter": "howlkit train --augment stencil",
        "model": "howlkit train --model stencil",
        "sampler": "howlkit sample --sampler stencil --out new.mid",
        "constraint": "howlkit sample --constraint stencil --out new.mid",
        "source": "howlkit prepare my_files --out dataset",
        "writer": "howlkit sample --out new.csv",
        "renderer": "howlkit render new.mid --renderer stencil --out new.wav",
    }
)
"""The command that uses a new component, by kind; every kind has a template."""

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Names:
    """All the names of a component: for `my-swing` those of its package, module and class.

    >>> names = Names("my-swing")
    >>> names.distribution, names.module, names.cls
    ('howlkit-my-swing', 'howlkit_my_swing', 'MySwing')
    """

    component: str

    @property
    def distribution(self) -> str:
        """The name that pip knows: howlkit-my-swing."""
        return f"howlkit-{self.component.lower().replace('_', '-')}"

    @property
    def module(self) -> str:
        """The name of the Python module: howlkit_my_swing."""
        return self.distribution.replace("-", "_")

    @property
    def cls(self) -> str:
        """The name of the class: MySwing."""
        return "".join(part[0].upper() + part[1:] for part in re.split("[-_]", self.component))

    @property
    def suffix(self) -> str:
        """The suffix of files in a format of its own, without the dot: my-swing."""
        return self.component.lower()

    def into(self, text: str, kind: str) -> str:
        """Return the text of a template with its own names replaced by these."""
        own = {
            f"howlkit.commands.plugin_template.{kind}": self.module,
            "test_stencil": self.module.replace("howlkit_", "test_", 1),
            "howlkit-stencil": self.distribution,
            ".stencil": f".{self.suffix}",
            "Stencil": self.cls,
            "stencil": self.component,
        }
        names = "|".join(re.escape(name) for name in own)
        return re.sub(rf"(?<!\w)({names})(?!\w)", lambda match: own[match[0]], text)


def write(kind: str, name: str, parent: Path) -> Path:
    """Write a package with a component into a new folder of `parent`; return the folder.

    kind: one of USE. Raises HowlkitError for a name that is invalid, taken, or used for something
    else in the template, and if the folder exists.
    """
    _check_name(name)
    names, template = Names(name), _template(kind)
    _check_free(names, kind)
    _check_class(names, [text for path, text in template.items() if path.endswith(".py")])
    folder = parent / names.distribution
    if folder.exists():
        raise HowlkitError(
            f"{folder} exists already, and nothing is overwritten: choose another --dir, or "
            "another name"
        )
    for path, text in template.items():
        target = folder / names.into(path, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(names.into(text, kind), encoding="utf-8")
    return folder


def _template(kind: str) -> dict[str, str]:
    """Return the text of each file of a package, by path; both still have the template's names."""
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
            f"{name!r} is not allowed as the name of a component: write a letter, then letters and "
            "digits, with single - or _ between them, such as my-swing"
        )


def _check_free(names: Names, kind: str) -> None:
    """Raise HowlkitError if a component of this kind cannot have this name, or a module has it."""
    from howlkit import plugins
    from howlkit.plugins.loading import RESERVED

    own = names.component
    for component in plugins.components():
        if component.name.lower() == own.lower() and component.clashes(kind, component.name):
            raise HowlkitError(
                f"there is {component.name!r} already, the {component.kind} of "
                f"{component.distribution} {component.version}; choose another name"
            )
    if own in RESERVED:
        raise HowlkitError(f"{own!r} is the name of the core's own options; choose another name")
    if importlib.util.find_spec(names.module) is not None:
        raise HowlkitError(
            f"a module {names.module!r} is installed already; choose another name, or remove that "
            f"first: howlkit plugins uninstall {names.distribution}. One package may have a source "
            "and a writer of the same name: write the second class into the module of the first"
        )


def _check_class(names: Names, sources: Iterable[str]) -> None:
    """Raise HowlkitError if the class's name is a word of Python, or occurs in the template."""
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
