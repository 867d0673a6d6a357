"""What this target knows and other programs read from it instead of keeping a copy.

`target-chartmogul --about --format=json` prints it as the member `facts` of one JSON object, without any configuration:

    {"facts": {
        "api_url":        "https://api.chartmogul.com/v1",
        "defaults":       {"data_source_name": "Intercom leads", …},
        "fields":         {"customers": [{"name": "website_url", "type": "text", "if_shared": "always"}, …], …},
        "outcomes":       {"updated": {"text": …, "remedy": …}, …},
        "reasons":        {"no_customer": {"text": …, "remedy": …}, …},
        "merge_outcomes": {"unmatched": {"text": …, "remedy": …}, …}}}

- `defaults`: every setting that has one.
- `fields`: what the target writes, beside custom attributes and tags. `if_shared` says when it writes a field of a
  customer that another data source shares: `always`, `once` (only while it has no value), or `on_shared` (as that
  setting says).
- `reasons`: of the outcome `skipped`. The reason of `rejected` is ChartMogul's own sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_chartmogul.api.transport import BASE_URL
from target_chartmogul.records.object_types import OBJECT_TYPES
from target_chartmogul.reporting.words import MERGE_OUTCOMES, OUTCOMES, REASONS
from target_chartmogul.settings import PROPERTIES

if TYPE_CHECKING:
    from target_chartmogul._kit.json_types import JsonObject
    from target_chartmogul.records.object_types import ContactType, CustomerType


def build_facts() -> JsonObject:
    """Return the facts."""
    settings = PROPERTIES.to_dict()["properties"]
    return {
        "api_url": BASE_URL,
        "defaults": {name: schema["default"] for name, schema in settings.items() if "default" in schema},
        "fields": {stream: _list_fields(object_type) for stream, object_type in OBJECT_TYPES.items()},
        "outcomes": {name: meaning._asdict() for name, meaning in OUTCOMES.items()},
        "reasons": {name: meaning._asdict() for name, meaning in REASONS.items()},
        "merge_outcomes": {name: meaning._asdict() for name, meaning in MERGE_OUTCOMES.items()},
    }


def _list_fields(object_type: CustomerType | ContactType) -> list[JsonObject]:
    fields: list[JsonObject] = [{"name": name, "type": one} for name, one in object_type.fields.items()]
    for entry in fields if object_type.shared_fields else ():
        if entry["name"] in object_type.shared_fields:
            entry["if_shared"] = "always"
        else:
            entry["if_shared"] = "once" if entry["name"] in object_type.fields_set_once else "on_shared"
    return fields
