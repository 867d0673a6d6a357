"""What the map sends for a project that sets nothing new leads to the same calls and the same values as before."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from target_intercom.target import TargetIntercom

GOLDEN = Path(__file__).parents[1] / "support/golden_default"


def test_the_same_calls_and_values_as_before(workspace: Any, target: Any) -> None:
    """The same input leads to the same number of calls of each kind, the same attributes and the same values."""
    for email in ("ann@x.io", "ben@x.io", "cat@x.io"):
        workspace.add(email=email)
    target.workspace.sandbox.clear_calls()
    given = (GOLDEN / "contacts.singer").read_text()
    TargetIntercom(config=target.config(on_no_match="create")).listen(io.StringIO(given))
    made = {
        "calls": workspace.calls(),
        "attributes": sorted(
            (one["name"], one["data_type"])
            for one in workspace.call("GET", "/data_attributes?model=contact")["data"]
            if one["name"].startswith("cb_")
        ),
        "contacts": [
            {name: one[name] for name in ("email", "external_id", "name", "custom_attributes")}
            for one in workspace.contacts()
        ],
    }
    expected = json.loads((GOLDEN / "intercom.json").read_text())
    assert json.loads(json.dumps(made)) == expected
