"""The job `trial` through real Meltano: the first ten customers, written and listed, and no state moved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline


def test_a_trial_writes_ten_customers_and_moves_no_state(project: Project, intercom: Intercom) -> None:
    """Ten records reach the target, those that match or may be created are linked, and a sync begins from nothing."""
    ran = project.meltano("run", "trial")
    assert ran.code == 0, ran.log
    summary = json.loads((project.root / "output/target-intercom-trial/summary.json").read_text())
    assert summary["records"] == 10
    written = summary["updated"] + summary["created"]
    assert 0 < written == len(intercom.linked())
    assert ran.of("target-intercom-trial", "STATE") == []
    assert project.state() == {}
    assert project.stores() == []
