"""The job `trial` through real Meltano: it writes the first ten customers and changes no state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline


def test_a_trial_writes_ten_customers_and_moves_no_state(project: Project, intercom: Intercom) -> None:
    """Ten records reach the target, and matches and creations are linked. A later sync starts from nothing."""
    ran = project.meltano("run", "trial")
    assert ran.code == 0, ran.log
    summary = json.loads((project.root / "output/target-intercom-trial/summary.json").read_text())
    assert summary["records"] == 10
    written = summary["updated"] + summary["created"]
    assert 0 < written == len(intercom.linked())
    assert ran.of("target-intercom-trial", "STATE") == []
    assert project.state() == {}
    assert project.stores() == []
