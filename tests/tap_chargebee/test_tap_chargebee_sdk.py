"""tap-chargebee passes the SDK's own tests for taps."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from singer_sdk.testing import get_tap_test_class
from tap_chargebee.tap import TapChargebee

if TYPE_CHECKING:
    from collections.abc import Iterator

SITES = ExitStack()


def suite(catalog: int) -> Any:
    """Return the SDK's tests for a site with this product catalog, including its custom fields."""
    site = SITES.enter_context(RunningSandbox(Settings(customers=60, seed=7, catalog=catalog)))
    config = {"site": "sandbox", "api_key": "sandbox_key", "api_url": site.chargebee_url}
    return get_tap_test_class(TapChargebee, config=config, parse_env_config=False)


@pytest.fixture(scope="module", autouse=True)
def sites() -> Iterator[None]:
    """Close the sites after the last test."""
    yield
    SITES.close()


@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records:UserWarning")
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class TestCatalog2(suite(2)):  # type: ignore[misc]
    """The SDK's tests on a site of items and item prices."""


@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records:UserWarning")
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class TestCatalog1(suite(1)):  # type: ignore[misc]
    """The SDK's tests on a site of plans and addons."""
