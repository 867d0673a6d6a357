"""Settings of plugins that point at the sandbox, and a project whose Meltano is not run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.project.meltano import Project

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def of_plugins(sandbox: RunningSandbox) -> dict[str, dict[str, Any]]:
    """The settings of every plugin that has a key."""
    return {
        "tap-chargebee": {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url},
        "target-intercom": {"access_token": "sandbox_token", "api_url": sandbox.intercom_url},
        "tap-intercom": {"access_token": "sandbox_token", "api_url": sandbox.intercom_url},
        "target-chartmogul": {"api_key": "sandbox_key", "api_url": sandbox.chartmogul_url},
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder with this repository's meltano.yml."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    return Project(tmp_path, "prod")
