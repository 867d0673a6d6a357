"""tap-chargebee under the SDK's own suite for taps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_tap_test_class
from tap_chargebee.tap import TapChargebee

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.testing import RunningSandbox
    from singer_sdk import Stream
    from singer_sdk.testing.runners import TapTestRunner

CONFIG = {"site": "sandbox", "api_key": "sandbox_key", "api_url": "http://127.0.0.1:1"}
Suite: Any = get_tap_test_class(TapChargebee, config=CONFIG, parse_env_config=False)


@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records:UserWarning")
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class TestTapChargebee(Suite):  # type: ignore[misc]
    """The schemas hold more attributes than any one site fills."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def address(cls, running_sandbox: RunningSandbox) -> Iterator[None]:
        """The sandbox, whose port is known only now."""
        running_sandbox.reset(customers=60, seed=7)
        CONFIG["api_url"] = running_sandbox.chargebee_url
        yield
        CONFIG["api_url"] = "http://127.0.0.1:1"

    def test_tap_stream_record_schema_matches_transformed_catalog(self, runner: TapTestRunner, stream: Stream) -> None:
        """Every attribute of a record stands in the schema, but for the fields that a site has of its own."""
        sent = {name for record in runner.records[stream.name] for name in record}
        assert {name for name in sent - stream.schema["properties"].keys() if name[:3] not in {"cf_", "cs_"}} == set()
