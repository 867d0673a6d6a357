"""The Singer target: its settings and its streams."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from target_intercom._kit.target_base import TargetBase
from target_intercom._kit.undo_command import undo
from target_intercom.api.client import IntercomClient
from target_intercom.api.transport import RecordRefusedError
from target_intercom.pipeline import Pipeline
from target_intercom.records.data_events import STREAM as EVENTS
from target_intercom.records.object_types import OBJECT_TYPES
from target_intercom.records.subscription_objects import STREAM as OBJECTS
from target_intercom.reporting.facts import build_facts
from target_intercom.reporting.not_sent import STREAM as NOT_SENT
from target_intercom.settings import PROPERTIES, parse_settings
from target_intercom.sinks import EventSink, NotSentSink, ObjectSink, OtherStreamSink, RecordSink
from target_intercom.writing.restorer import RecordRestorer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.sinks import Sink

    from target_intercom._kit.json_types import JsonObject
    from target_intercom._kit.undo_run import Restorer
    from target_intercom.settings import Settings


_SINKS: Mapping[str, type[Sink]] = {
    **dict.fromkeys(OBJECT_TYPES, RecordSink),
    NOT_SENT: NotSentSink,
    EVENTS: EventSink,
    OBJECTS: ObjectSink,
}


class TargetIntercom(TargetBase):
    """Keeps users and companies of Intercom in step with their streams: matches, decides, writes only what changed."""

    name = "target-intercom"
    package_name = "standpipe-target-intercom"
    config_jsonschema: ClassVar[JsonObject] = PROPERTIES.to_dict()
    missing_hints: ClassVar[dict[str, str]] = {
        "access_token": "set it, or TARGET_INTERCOM_ACCESS_TOKEN and --config=ENV"
    }
    vendor = "Intercom"
    commands = (undo,)
    record_refused = RecordRefusedError

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the regions, defaults, attributes, outcomes and reasons."""
        return build_facts()

    @cached_property
    def settings(self) -> Settings:
        """The settings in typed form."""
        return parse_settings(self.config)

    @cached_property
    def client(self) -> IntercomClient:
        """The connection to the workspace."""
        settings = self.settings
        return IntercomClient(
            settings.base_url,
            settings.access_token,
            settings.max_concurrency,
            limit_url=settings.limit_url,
            request_timeout=settings.request_timeout,
            answer_timeout=settings.answer_timeout,
            max_missing=settings.max_missing,
        )

    @cached_property
    def run(self) -> Pipeline:
        """The one run of this process."""
        return Pipeline(self.client, self.settings, self.logger)

    def open_restorer(self) -> Restorer:
        """Return how an undo reads and writes this workspace.

        Raises:
            ConfigurationError: the token is wrong.
        """
        self.run.connect()
        return RecordRestorer(self.client)

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Choose the sink of a stream."""
        return _SINKS.get(stream_name, OtherStreamSink)

    @property
    def is_validation(self) -> bool:
        """Whether the run only reports what it would do."""
        return self.settings.validate

    def count_rejects(self) -> int:
        """Return the number of refused records."""
        summary = self.run.summary
        return summary.rejected.total() + summary.events_rejected.total() + summary.objects_rejected.total()

    @property
    def refused_input(self) -> str | None:
        """The sentence that ends a run in which all records belong to unknown streams; else None."""
        return self.run.refused_input
