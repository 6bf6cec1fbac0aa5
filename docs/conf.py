"""Sphinx's settings for the site that `make docs` builds.

The source folder is the repository, so that the links in a Markdown file lead to the same file on
GitHub and in the site, and README.md, CHANGELOG.md and the READMEs of plugins/ are pages as they
stand. `include_patterns` names what becomes a page; the start page is docs/index.md.
"""

import os
import sys
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_extensions")]  # this checkout, not another
os.environ["HOWLKIT_LOAD_PLUGINS"] = ""  # the site is the same whatever is installed beside howlkit

SOURCES = "https://github.com/howlkit/howlkit"

project = "howlkit"
author = "The howlkit authors"
project_copyright = "The howlkit authors"
release = version = installed_version("howlkit")

root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**",
    "plugins/*/README.md",
    "plugins/howlkit-studio/PROTOCOL.md",
    "howlkit/data/README.md",
    "howlkit/data/instruments.md",
]
exclude_patterns = [".*", "**/.*", "**/__pycache__", "build", "demo", "runs", "tests", "benchmarks"]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "api_reference",
    "command_reference",
]

# Markdown as GitHub shows it: anchors of headings, tables, and `<img>` in a README.
myst_heading_anchors = 4
myst_enable_extensions = ["html_image", "colon_fence"]

# A name in a type may stand for a contract or for the class that meets it: `Network`.
suppress_warnings = ["ref.python"]

# Docstrings are plain text; `api_reference` turns them into reStructuredText.
default_role = "code"
smartquotes = False  # `--resume` has two hyphens
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"
public_modules_page = "docs/publishing.md"

# Types of other packages and of private modules have no page here; `api_reference` finds the rest.
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]

html_theme = "furo"
html_title = "howlkit"
html_extra_path = ["_root"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": f"{SOURCES}/",
    "source_branch": "main",
    "source_directory": "",
}


def linkcode_resolve(domain: str, info: Mapping[str, str]) -> str | None:
    """Return where GitHub shows the lines of an object; None for what is no class or function."""
    from api_reference import lines_of

    lines = lines_of(info["module"], info["fullname"])
    return lines and f"{SOURCES}/blob/main/{lines}"
