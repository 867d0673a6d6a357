"""The Singer target: its settings, its streams, and the rule for STATE."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from target_chartmogul._kit.target_base import TargetBase
from target_chartmogul._kit.undo_command import undo
from target_chartmogul.api.client import create_client
from target_chartmogul.api.transport import RecordRefusedError
from target_chartmogul.pipeline import Pipeline
from target_chartmogul.records.object_types import OBJECT_TYPES
from target_chartmogul.reporting.facts import build_facts
from target_chartmogul.settings import PROPERTIES, parse_settings
from target_chartmogul.sinks import OtherStreamSink, RecordSink
from target_chartmogul.writing.restorer import RecordRestorer

if TYPE_CHECKING:
    from singer_sdk.sinks import Sink

    from target_chartmogul._kit.json_types import JsonObject
    from target_chartmogul._kit.undo_run import Restorer
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.settings import Settings


class TargetChartmogul(TargetBase):
    """Keeps customers and contacts of a ChartMogul data source in step with their streams: writes only what changed."""

    name = "target-chartmogul"
    package_name = "standpipe-target-chartmogul"
    config_jsonschema: ClassVar[JsonObject] = PROPERTIES.to_dict()
    missing_hints: ClassVar[dict[str, str]] = {"api_key": "set it, or TARGET_CHARTMOGUL_API_KEY and --config=ENV"}
    vendor = "ChartMogul"
    commands = (undo,)
    record_refused = RecordRefusedError

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the API's address, defaults, fields, outcomes and reasons."""
        return build_facts()

    @cached_property
    def settings(self) -> Settings:
        """The settings in typed form."""
        return parse_settings(self.config)

    @cached_property
    def client(self) -> ChartMogulClient:
        """The connection to the account."""
        return create_client(self.settings)

    @cached_property
    def run(self) -> Pipeline:
        """The one run of this process."""
        return Pipeline(self.client, self.settings, self.logger)

    def open_restorer(self) -> Restorer:
        """Return the object that reads and writes this account for an undo.

        Raises:
            ConfigurationError: the key is wrong.
        """
        self.run.connect()
        return RecordRestorer(self.client)

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Choose the sink of a stream."""
        return RecordSink if stream_name in OBJECT_TYPES else OtherStreamSink

    @property
    def is_validation(self) -> bool:
        """Whether the run only reports what it would do."""
        return self.settings.validate

    def count_rejects(self) -> int:
        """Return the number of refused records."""
        return self.run.summary.rejected.total()
