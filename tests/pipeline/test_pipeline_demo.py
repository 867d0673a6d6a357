"""`make demo` prints what docs/demo.md shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pipeline.conftest import Project

ROOT = Path(__file__).parents[2]
DEMO = Path(sys.executable).with_name("demo")


@pytest.mark.pipeline
def test_the_demo_page_shows_what_the_demo_prints(installed_project: Project) -> None:
    """The page shows the demo's real output. Keys in the environment do not change it."""
    keys = {"TAP_CHARGEBEE_API_KEY": "a-real-key", "TARGET_INTERCOM_API_URL": "https://api.intercom.io"}
    done = subprocess.run(
        [DEMO], cwd=installed_project.root, env=os.environ | keys, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = "\n".join(line.rstrip() for line in done.stdout.splitlines())

    shown = re.search(r"<!-- demo -->\n```\n(.*?)\n```\n<!-- /demo -->", (ROOT / "docs/demo.md").read_text(), re.DOTALL)
    assert shown is not None
    assert printed == shown[1]
