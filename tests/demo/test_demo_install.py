"""What the demo prints when it cannot install the plugins, and about the outcomes of the customers."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from standpipe_demo.project import describe_failed_install
from standpipe_demo.tables import build_outcomes_table

FETCH = """Using Python 3.11.7 environment at: .meltano/extractors/tap-chargebee/venv
error: Failed to fetch: http://127.0.0.1:9/simple/click/
  cause: error sending request for url (http://127.0.0.1:9/simple/click/)
  cause: Connection refused (os error 111)
"""
SOLUTION = """Using Python 3.11.7 environment at: .meltano/extractors/tap-chargebee/venv
  \u00d7 No solution found when resolving dependencies:
  ╰─▶ Because there are no versions of click, we can conclude that nothing works.
"""


def failed(details: str) -> str:
    """Return two lines of the log of `meltano install`. The second is a failure."""
    state = {"plugin_name": "tap-chargebee", "status": "error", "details": details}
    return "\n".join(
        map(json.dumps, ({"event": "Installing"}, {"install_state": state, "event": "Installation failed."}))
    )


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            failed(FETCH),
            (
                "tap-chargebee: error: Failed to fetch: http://127.0.0.1:9/simple/click/ cause: error sending request "
                "for url (http://127.0.0.1:9/simple/click/) cause: Connection refused (os error 111)"
            ),
        ),
        (
            failed(SOLUTION),
            (
                "tap-chargebee: No solution found when resolving dependencies: Because there are no versions of click, "
                "we can conclude that nothing works."
            ),
        ),
        ("Need help?\nDisk full\n", "Disk full"),
        ("", "It said nothing."),
    ],
    ids=["no index", "no solution", "no JSON", "nothing"],
)
def test_a_failed_install_is_told_in_the_installers_words(log: str, expected: str) -> None:
    """The text is that of the first failed plugin, on one line."""
    assert describe_failed_install(log) == expected


def test_what_the_customers_became_is_told_in_the_words_of_the_summary() -> None:
    """The demo prints the summary's outcomes and reasons unchanged."""
    rows = [
        {"customers": 240, "became": "updated", "because": "matched, and something differed"},
        {"customers": 13, "became": "skipped", "because": "several match"},
    ]
    out = Console(file=io.StringIO(), width=80)
    out.print(build_outcomes_table({"outcomes": rows}))
    assert [line.rstrip() for line in out.file.getvalue().splitlines()] == [  # type: ignore[attr-defined]
        "customers  became   because",
        "      240  updated  matched, and something differed",
        "       13  skipped  several match",
    ]
