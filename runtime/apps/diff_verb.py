"""`heedful diff`: two run files in, what changed out, as an exit code too."""

from __future__ import annotations

from pathlib import Path

from runtime.apps import diff_html, diff_text
from runtime.apps.diff import compare
from runtime.apps.page import write_page
from runtime.apps.run_file import read_run
from runtime.new_file import check_new

DIFFER = 4


def run_diff(before: Path, after: Path, html: Path | None, *, as_json: bool) -> int:
    """Print what changed and return 0 where nothing did, else 4. Raises InputError or ConfigError."""
    if html is not None:
        check_new("--html", html)
    found = compare(read_run(before), read_run(after))
    if html is not None:
        write_page(html, diff_html.as_html(found))
    if as_json:
        for line in diff_text.as_json(found):
            print(line)
    else:
        print(diff_text.as_text(found))
    return 0 if found.same else DIFFER
