"""Shows every setting with its value, its default and its meaning, but never a secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standpipe_console.project.pipelines import build_variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console.project.meltano import Project

    from .site import Site

#: The settings of the console, each with its meaning and default. Those of `_SECRETS` are never shown.
CONSOLE_SETTINGS = {
    "HISTORY_URL": ("Where the history of runs is kept: an SQLite file or a PostgreSQL database.", "a file"),
    "HISTORY_DAYS": ("For how many days runs and changes are kept.", "90"),
    "SERVE_PASSWORD": ("The password of this page.", ""),
    "SERVE_URL": ("The https:// address under which other people open this page.", ""),
    "ALERT_URLS": (
        "Who is notified when a run fails or is late: addresses of e-mail, Slack and others, as Apprise writes them.",
        "",
    ),
    "ALERT_MARGIN": ("How many seconds after its time a run must have ended well; after that it is late.", "3600"),
    "ALERT_TIMEZONE": ("The time zone of the times in alerts.", "this machine's"),
    "HEARTBEAT_URL": (
        "An address that is called after each good run, so that another service notices when no call comes.",
        "",
    ),
    "LIVE_INBOX_URL": ("Where live keeps what has changed until a run has read it.", "a file"),
    "LIVE_POLL_SECONDS": ("How many seconds live waits between two checks of Chargebee for changes.", "15"),
    "LIVE_QUIET_SECONDS": ("A run of live starts when nothing has changed for this many seconds.", "5"),
    "LIVE_LONGEST_WAIT": ("A run of live starts at the latest this many seconds after the first change.", "60"),
    "LIVE_BATCH": ("When more customers than this have changed, one run reads all customers.", "500"),
    "LIVE_MIN_FULL_INTERVAL": ("The least number of seconds between two such runs.", "900"),
    "LIVE_ALERT_AFTER": ("For how many seconds runs of live may fail before somebody is notified.", "600"),
    "LIVE_CHARGEBEE_USERNAME": ("The user name in Chargebee's webhook, by which live knows that it is genuine.", ""),
    "LIVE_CHARGEBEE_PASSWORD": ("The password in Chargebee's webhook.", ""),
    "LIVE_INTERCOM_CLIENT_SECRET": ("The secret of the Intercom app, which signs Intercom's webhooks.", ""),
}
#: Addresses may contain a password. Those of alerts and heartbeats are secret themselves.
_SECRETS = frozenset(
    {
        "HISTORY_URL",
        "SERVE_PASSWORD",
        "ALERT_URLS",
        "HEARTBEAT_URL",
        "LIVE_INBOX_URL",
        "LIVE_CHARGEBEE_PASSWORD",
        "LIVE_INTERCOM_CLIENT_SECRET",
    }
)
#: Settings of the SDK, which no pipeline of this project uses.
_OF_THE_SDK = ("stream_maps", "stream_map_config", "faker_config", "flattening_", "batch_config", "batch_size_")


@dataclass(frozen=True)
class SettingRow:
    """One setting."""

    name: str
    variable: str
    value: str
    default: str
    meaning: str
    is_secret: bool
    is_set: bool


@dataclass(frozen=True)
class SettingGroup:
    """The settings of one plugin, or of the console."""

    title: str
    rows: list[SettingRow]


def show_settings(site: Site, request: Request) -> Response:
    """Show the settings, or those with the words of the search."""
    query = request.query_params.get("q", "").strip()
    groups = [filter_rows(group, query) for group in list_groups(site.project)]
    context = {"query": query, "groups": [group for group in groups if group.rows]}
    return site.render(request, "settings.html", "Settings", context)


def list_groups(project: Project) -> Iterator[SettingGroup]:
    """Yield the settings of each plugin of the pipelines that are set up, and those of the console."""
    for pipeline in project.ready_pipelines:
        for plugin in pipeline.plugins:
            rows = list_plugin_settings(project, plugin)
            yield SettingGroup(f"{pipeline.title}: {plugin}", rows)
    yield SettingGroup("Console", [_build_console_row(project, name) for name in CONSOLE_SETTINGS])


def list_plugin_settings(project: Project, plugin: str) -> list[SettingRow]:
    """Return the settings of a plugin, in the order of its own description."""
    facts, values = project.get_facts(plugin), project.get_settings(plugin)
    declared = {one["name"]: one for one in project.plugins[plugin].get("settings") or []}
    secrets = {
        name
        for name, schema in facts.settings.properties.items()
        if schema.get("secret") or schema.get("writeOnly") or declared.get(name, {}).get("sensitive")
    }
    hidden = [str(values[name]) for name in secrets if values.get(name)]
    rows = []
    for name, schema in facts.settings.properties.items():
        if name.startswith(_OF_THE_SDK):
            continue
        value = values.get(name)
        rows.append(
            SettingRow(
                name=name,
                variable=build_variable(plugin, name),
                value=format_setting(value, hidden) if name not in secrets else "",
                default="" if name in secrets else format_setting(facts.defaults.get(name), hidden),
                meaning=str(schema.get("description") or ""),
                is_secret=name in secrets,
                is_set=value is not None and value != "",
            )
        )
    return rows


def format_setting(value: Any, hidden: list[str]) -> str:
    """Return a value for a person; one that holds a key, by mistake, is not shown."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "not shown: it holds a key" if any(one in text for one in hidden) else text


def filter_rows(group: SettingGroup, query: str) -> SettingGroup:
    """Return the group with only those rows that contain every word of the query."""
    words = query.casefold().split()
    texts: Mapping[str, str] = {
        row.name: f"{group.title} {row.name} {row.variable} {row.meaning}" for row in group.rows
    }
    return SettingGroup(
        group.title, [row for row in group.rows if all(word in texts[row.name].casefold() for word in words)]
    )


def _build_console_row(project: Project, name: str) -> SettingRow:
    meaning, default = CONSOLE_SETTINGS[name]
    value = project.get_variable(name) or ""
    is_secret = name in _SECRETS
    return SettingRow(name.lower(), name, "" if is_secret else value, default, meaning, is_secret, bool(value))
