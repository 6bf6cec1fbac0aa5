"""A Sphinx extension: a page for each public module, from its `__all__` and its docstrings.

The modules are those of the table after `<!-- public -->` in docs/publishing.md, so nothing is
listed twice. Their pages are written into docs/api (which git ignores) before Sphinx looks for
pages. A name that several modules hand on is described once, by the first that is not the package
itself; the others link to it.

Docstrings here are plain text, with code in backticks, indented examples, and lines such as
`limit: how much to make`. `_as_rst` says so in reStructuredText.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import re
import sys
from collections.abc import Collection
from pathlib import Path
from types import FunctionType
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
PAGE = """# {module}

```{{eval-rst}}
.. public-module:: {module}
```
"""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the pages, the directive on them, and what makes docstrings and types readable."""
    app.add_config_value("public_modules_page", "", "env")
    app.add_directive("public-module", PublicModule)
    app.connect("config-inited", _write_pages)
    app.connect("autodoc-process-docstring", _process_docstring)
    app.connect("autodoc-process-signature", _process_signature)
    app.connect("missing-reference", _resolve, priority=400)
    app.connect("html-page-context", _without_source)
    return {"parallel_read_safe": True}


def _write_pages(app: Sphinx, config: Config) -> None:
    """Write docs/api/MODULE.md for each public module, and remove pages of others."""
    folder = Path(app.srcdir, "docs", "api")
    folder.mkdir(exist_ok=True)
    pages = {f"{m}.md": PAGE.format(module=m) for m in _public_modules(_listing(app))}
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def _without_source(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object
) -> None:
    """Show no link to the source of a page that is not in the repository."""
    if page.startswith("docs/api/"):
        context["page_source_suffix"] = ""


def _listing(app: Sphinx) -> Path:
    return Path(app.srcdir, app.config.public_modules_page)


@functools.cache
def _public_modules(listing: Path) -> tuple[str, ...]:
    """Return the modules that the table promises, sorted."""
    table = listing.read_text(encoding="utf-8").partition("<!-- public -->")[2]
    return tuple(sorted(re.findall(r"^\| `(howlkit[\w.]*)` \|", table, re.MULTILINE)))


@functools.cache
def _homes(listing: Path) -> dict[str, str]:
    """Return {the `_key` of what is public: the public name under which it is described}.

    The package itself is asked last: what a module of its own has is described there.
    """
    homes: dict[str, str] = {}
    for module in sorted(_public_modules(listing), key=lambda name: ("." not in name, name)):
        face = importlib.import_module(module)
        for name in face.__all__:
            found = getattr(face, name)
            homes.setdefault(_key(name, found), f"{module}.{name}")
    return homes


def _key(name: str, found: object) -> str:
    """Return where a class or function is defined; for another value, its name and its identity."""
    if isinstance(found, type | FunctionType):
        return f"{found.__module__}.{found.__qualname__}"
    return f"{name} {id(found)}"


class PublicModule(SphinxDirective):
    """`.. public-module:: NAME`: the module's docstring, then each name of its `__all__`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return what autodoc makes of the module and its names."""
        module = self.arguments[0]
        face = importlib.import_module(module)
        homes = _homes(_listing(self.env.app))
        elsewhere, lines = [], [f".. automodule:: {module}", ""]
        for name in face.__all__:
            found = getattr(face, name)
            home = homes[_key(name, found)]
            if home != f"{module}.{name}":
                elsewhere.append(f"- :py:obj:`{name} <{home}>` {_summary(name, found)}")
            else:
                lines += _autodoc(f"{module}.{name}", found, public=homes.keys())
        if elsewhere:
            lines += ["Described elsewhere:", "", *elsewhere]
        parent = nodes.section()
        self.state.nested_parse(StringList(lines, module), self.content_offset, parent)
        return list(parent.children)


def _summary(name: str, found: object) -> str:
    """Return the first line of what the sources say of an object, after a colon."""
    is_own = isinstance(found, type | FunctionType)
    lines = (inspect.getdoc(found) or "").splitlines() if is_own else _told_of(name, found)
    return f": {_escape(lines[0])}" if lines else ""


def _autodoc(name: str, found: object, *, public: Collection[str]) -> list[str]:
    """Return the directive that describes an object.

    public: where public classes are defined. What a class inherits from another, which is only a
    file of its methods, is described as its own.
    """
    if isinstance(found, type):
        own = [base for base in found.__bases__ if base.__module__.startswith("howlkit")]
        of_note = [_key(base.__name__, base) in public for base in own]
        shown = ["   :show-inheritance:"] if own and all(of_note) else []
        shown += [] if all(of_note) else ["   :inherited-members:"]
        called = ["   :special-members: __call__"] if "__call__" in vars(found) else []
        return [f".. autoclass:: {name}", "   :members:", *shown, *called, ""]
    if inspect.isroutine(getattr(found, "__wrapped__", found)):
        return [f".. autofunction:: {name}", ""]
    told = [f"   {line}" for line in _as_rst(_told_of(name.rpartition(".")[2], found))]
    return [f".. py:data:: {name}", "", *told, ""]


def lines_of(module: str, name: str) -> str | None:
    """Return `FILE#LFIRST-LLAST` of a public class, function or method; None of anything else."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    found = found.fget if isinstance(found, property) else inspect.unwrap(found)
    try:
        file = Path(inspect.getsourcefile(found) or "").relative_to(ROOT)
        lines, first = inspect.getsourcelines(found)
    except (TypeError, ValueError, OSError):
        return None
    return f"{file.as_posix()}#L{first}-L{first + len(lines) - 1}"


def _told_of(name: str, value: object) -> list[str]:
    """Return the text below a value where it is defined; its own docstring is that of its type."""
    for module in [m for m in sys.modules if m.partition(".")[0] == "howlkit"]:
        if vars(sys.modules[module]).get(name) is value:
            told = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name))
            if told:
                return told
    return []


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Node
) -> nodes.Node | None:
    """Lead a type to its public description, whichever module it is defined in."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    homes = _homes(_listing(app))
    named = {public for public in homes.values() if public.rpartition(".")[2] == target}
    public = homes.get(target) or (named.pop() if len(named) == 1 else None)
    if public is None or public == target:
        return None
    domain: Any = env.domains["py"]
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, text)


def _process_docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    lines[:] = _as_rst(lines)


ARRAY = re.compile(
    r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[([^\]]*)\]\]"
)
"""How Python spells out `NDArray[...]`."""


def _process_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, given: str, returned: str
) -> tuple[str | None, str | None]:
    """Shorten the types of arrays; a protocol is not made, so that its class has no arguments."""
    if what == "class" and getattr(obj, "_is_protocol", False):
        return "", None
    return _with_arrays(given), _with_arrays(returned)


def _with_arrays(text: str | None) -> str | None:
    return text and ARRAY.sub(r"~numpy.typing.NDArray[\1]", text)


NAMED = re.compile(r"(\*{0,2}[A-Za-z_]\w*(?:, \*{0,2}[A-Za-z_]\w*)*(?: \([^()]*\))?): +(\S.*)")
"""A line that tells of one or several names: `limit: how much`, `low, high: the bounds`."""


def _as_rst(lines: list[str]) -> list[str]:
    """Return a plain docstring as reStructuredText, paragraph by paragraph."""
    made: list[str] = []
    for number, paragraph in enumerate(_paragraphs(lines)):
        if paragraph[0].lstrip().startswith(">>>"):
            made += paragraph
        elif _is_indented(paragraph):
            made += ["::", "", *(f"    {line}" for line in paragraph)]
        elif paragraph[0].startswith(("- ", "* ", ".. ", ":")):
            made += map(_escape, paragraph)
        else:
            made += _prose(paragraph) if number else map(_escape, paragraph)
        made.append("")
    return made


def _paragraphs(lines: list[str]) -> list[list[str]]:
    """Split at empty lines, and before the first line of a doctest."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if not line.strip() or (line.startswith(">>>") and not _is_doctest(groups[-1])):
            groups.append([])
        if line.strip():
            groups[-1].append(line)
    groups = [group for group in groups if group]
    for before, after in itertools.pairwise(groups[:]):
        if _is_indented(before) and _is_indented(after):  # one example, an empty line within
            after[:0] = [*before, ""]
            groups.remove(before)
    return groups


def _is_doctest(group: list[str]) -> bool:
    return group[:1] != [] and group[0].startswith(">>>")


def _is_indented(group: list[str]) -> bool:
    return all(line.startswith("  ") or not line for line in group)


def _prose(paragraph: list[str]) -> list[str]:
    """Turn lines that tell of names into a list of them; what comes before stays a paragraph."""
    made: list[str] = []
    listing = False
    for line in paragraph:
        found = NAMED.fullmatch(line)
        if line.startswith("Raises ") and made and made[-1].endswith("."):
            made += ["", _escape(line)]
            listing = False
        elif found and not found[1].startswith(("Raises", "Source", "Shapes", "Returns", "Of")):
            if not listing and made:
                made.append("")
            listing = True
            made.append(f"- **{_escape(found[1], bold=False)}**: {_escape(found[2])}")
        else:
            made.append(f"{'  ' if listing else ''}{_escape(line.strip())}")
    return made


def _escape(line: str, *, bold: bool = True) -> str:
    """Escape what reStructuredText reads as markup, but for code and, if `bold`, **bold**."""
    parts = re.split(r"(``?[^`]*``?" + (r"|\*\*[^*\s][^*]*\*\*" if bold else "") + ")", line)
    return "".join(
        part if n % 2 else re.sub(r"([*|\\])|(?<=\w)(_)(?!\w)", r"\\\1\2", part)
        for n, part in enumerate(parts)
    )
