"""tap-chargebee under the SDK's own suite for taps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_chargebee.resources import STREAMS
from tap_chargebee.tap import TapChargebee

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.testing import RunningSandbox
    from singer_sdk import Stream
    from singer_sdk.testing.runners import TapTestRunner

CONFIG = {"site": "sandbox", "api_key": "sandbox_key", "api_url": "http://127.0.0.1:1"}


def suite(catalog: int) -> Any:
    """The SDK's tests, for a site of one Product Catalog: the streams of the other have no records."""
    empty = [row.name for row in STREAMS if catalog not in row.catalogs]
    config = SuiteConfig(ignore_no_records_for_streams=empty)
    return get_tap_test_class(TapChargebee, config=CONFIG, suite_config=config, parse_env_config=False)


class Served:
    """The schemas hold more attributes than any one site fills."""

    catalog = 2

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def address(cls, running_sandbox: RunningSandbox) -> Iterator[None]:
        """The sandbox, whose port is known only now."""
        running_sandbox.reset(customers=60, seed=7, catalog=cls.catalog)
        CONFIG["api_url"] = running_sandbox.chargebee_url
        yield
        CONFIG["api_url"] = "http://127.0.0.1:1"

    def test_tap_stream_record_schema_matches_transformed_catalog(self, runner: TapTestRunner, stream: Stream) -> None:
        """Every attribute of a record stands in the schema, but for the fields that a site has of its own."""
        sent = {name for record in runner.records[stream.name] for name in record}
        assert {name for name in sent - stream.schema["properties"].keys() if name[:3] not in {"cf_", "cs_"}} == set()


@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records:UserWarning")
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class TestCatalog2(Served, suite(2)):  # type: ignore[misc]
    """A site of items and item prices."""


@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records:UserWarning")
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class TestCatalog1(Served, suite(1)):  # type: ignore[misc]
    """A site of plans and addons."""

    catalog = 1
