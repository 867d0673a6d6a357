"""What this target knows and other programs read from it instead of keeping a copy.

`target-intercom --about --format=json` prints it as the member `facts` of one JSON object, without any configuration:

    {"facts": {
        "regions":    {"us": {"api_url": "https://api.intercom.io", "web_url": "https://app.intercom.com"}, …},
        "api_version": "2.14",
        "defaults":   {"owned_prefix": "cb_", "link_attribute": "cb_cust_id", …},
        "attributes": [{"name": "cb_cust_id", "data_type": "string", "description": …}, {"name": "cb_created_by", …}],
        "outcomes":   {"updated": {"text": …, "would": …, "remedy": …}, …},
        "reasons":    {"ambiguous": {"text": …, "remedy": …}, …}}}

- `defaults`: every setting that has one. `attributes`: those that the target sets by itself, under the default prefix.
- `outcomes` and `reasons`: an outcome `skipped` or `rejected` is explained by its reason, or by the reason as it stands
  if it is not listed (then it is Intercom's own); every other outcome by its own `text`. `remedy` may be empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_intercom.api.transport import REGIONS, VERSION, WEB
from target_intercom.records.attributes import build_created_by, build_link
from target_intercom.reporting.words import MEANINGS, REASONS
from target_intercom.settings import PROPERTIES, build_defaults

if TYPE_CHECKING:
    from target_intercom._kit.json_types import JsonObject


def build_facts() -> JsonObject:
    """Return the facts."""
    settings = PROPERTIES.to_dict()["properties"]
    defaults = {name: schema["default"] for name, schema in settings.items() if "default" in schema}
    prefix = defaults["owned_prefix"]
    defaults |= build_defaults(prefix)
    set_here = [build_link(defaults["link_attribute"]), build_created_by(f"{prefix}created_by")]
    return {
        "regions": {name: {"api_url": url, "web_url": WEB[name]} for name, url in REGIONS.items()},
        "api_version": VERSION,
        "defaults": defaults,
        "attributes": [
            {"name": one.name, "data_type": one.data_type, "description": one.description} for one in set_here
        ],
        "outcomes": {name: meaning._asdict() for name, meaning in MEANINGS.items()},
        "reasons": {name: reason._asdict() for name, reason in REASONS.items()},
    }
