"""tap-intercom passes the SDK's own tests for taps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_intercom.tap import TapIntercom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.testing import RunningSandbox

VERSION = "2.16"
CONFIG = {"access_token": "sandbox_token", "api_url": "http://127.0.0.1:1", "intercom_version": VERSION}
SUITE: Any = get_tap_test_class(
    TapIntercom, config=CONFIG, suite_config=SuiteConfig(max_records_limit=None), parse_env_config=False
)


def leave_a_note(sandbox: RunningSandbox) -> None:
    """Add a note to a company, because the seeded workspace has none."""
    company = next(sandbox.world.intercom.visible_companies())
    requests.post(
        f"{sandbox.intercom_url}/companies/{company.id}/notes",
        json={"body": "Called."},
        headers={"Authorization": "Bearer sandbox_token", "Intercom-Version": VERSION},
        timeout=10,
    ).raise_for_status()


@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records:UserWarning")
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class TestTapIntercom(SUITE):  # type: ignore[misc]
    """The SDK's tests on every stream of the latest API version."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def address(cls, running_sandbox: RunningSandbox) -> Iterator[None]:
        """Point the tests at the running sandbox, whose port is known only now."""
        running_sandbox.reset(customers=60, seed=7, scroll_idle=1)
        leave_a_note(running_sandbox)
        CONFIG["api_url"] = running_sandbox.intercom_url
        yield
        CONFIG["api_url"] = "http://127.0.0.1:1"
