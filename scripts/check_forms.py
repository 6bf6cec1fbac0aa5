"""Check the files that GitHub reads against their schemas, which check-jsonschema brings along.

    python scripts/check_forms.py

Nothing is downloaded. Exits 1 if a file does not fit, or if a pattern finds no file.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

SCHEMAS = {
    "github-workflows": [".github/workflows/*.yml"],
    "dependabot": [".github/dependabot.yml"],
    "github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
    "github-issue-forms": [".github/ISSUE_TEMPLATE/[!c]*.yml"],
    "citation-file-format": ["CITATION.cff"],
}
"""The files of each schema."""


def main() -> int:
    """Check every file, and print what is wrong with those that do not fit."""
    failed = 0
    for schema, patterns in SCHEMAS.items():
        files = [str(path) for pattern in patterns for path in sorted(ROOT.glob(pattern))]
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
        done = subprocess.run(
            [*command, "--force-filetype", "yaml", *files], capture_output=True, text=True
        )
        if done.returncode or not files:
            failed += 1
            print(done.stdout + done.stderr if files else f"no file fits {patterns}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
