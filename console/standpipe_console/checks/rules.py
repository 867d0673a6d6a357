"""The console's own decisions, made from values only: settings, clocks, currencies, stores and versions.

The functions are pure, and no other module decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from standpipe_console.checks.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.pipelines import Pipeline

#: Seconds that two clocks may differ, which is the default lookback of the tap.
CLOCK_TOLERANCE = 300
#: Currencies for which Chargebee does not say whether its amounts are in hundredths. They have no minor unit in ISO
#: 4217 but are not in its API's description (JPY, KRW, XAF, XOF), or they have three decimals in ISO 4217, or other
#: payment services leave out their decimals.
DOUBTFUL_CURRENCIES = {
    *("BIF", "CLP", "DJF", "GNF", "ISK", "KMF", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XPF"),
    *("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
    *("COP", "CVE", "HUF", "IDR", "MGA", "TWD"),
}


def compare_settings(pipeline: Pipeline, of_map: JsonObject, of_target: JsonObject) -> Iterator[Finding]:
    """Yield whether the target expects what the map sends. Both include their defaults."""
    check = "settings agree"
    agree = True
    for shared in pipeline.shared_settings:
        value = of_map[shared.setting]
        setting, expected = shared.find_counterpart(value)
        if of_target[setting] != expected:
            agree = False
            yield Finding(
                check,
                "fail",
                f"{pipeline.map}'s `{shared.setting}` is {value}, "
                f"but {pipeline.target}'s `{setting}` is {of_target[setting]}",
                f"meltano config set --store=dotenv {pipeline.target} {setting} {expected}",
            )
    if agree:
        yield Finding(check, "pass", f"{pipeline.target} expects what {pipeline.map} sends")


def check_filter(pipeline: Pipeline, of_map: JsonObject, of_target: JsonObject) -> Iterator[Finding]:
    """Yield what happens to customers that the map's filter leaves out. Both include their defaults."""
    check = "filter"
    expression = of_map.get(pipeline.filter_setting) if pipeline.filter_setting else None
    if not expression:
        return
    what = f"only customers for whom `{expression}` take part"
    if of_map.get("on_left_out") != "clear":
        yield Finding(check, "pass", f"{what}; the others keep what Intercom shows")
    elif of_target.get("link_attribute") == "":
        yield Finding(
            check,
            "fail",
            f"{pipeline.map}'s `on_left_out` is clear, but {pipeline.target}'s `link_attribute` is empty, so nothing "
            "shows which records to clear",
            f"meltano config set --store=dotenv {pipeline.map} on_left_out keep",
        )
    else:
        yield Finding(check, "pass", f"{what}; what Intercom shows of the others is cleared")


@dataclass(frozen=True)
class Writer:
    """An environment that writes to a workspace of Intercom."""

    environment: str
    token: str
    prefix: str
    on_match: str


def check_shared_workspace(own: Writer, others: Iterable[Writer]) -> Iterator[Finding]:
    """Yield whether environments that write to one workspace keep apart: a user may be a customer of both."""
    check, sharing = "environments", [one for one in others if one.token == own.token]
    faults = []
    for one in sharing:
        # A prefix owns every name that begins with it.
        if one.prefix.startswith(own.prefix) or own.prefix.startswith(one.prefix):
            what = f"{one.environment} writes to the same workspace under {one.prefix}, and this one under {own.prefix}"
            faults.append(Finding(check, "fail", what, "give each a prefix of its own: docs/environments.md"))
        if one.on_match == own.on_match == "update_all":
            what = f"{one.environment} writes to the same workspace, and both overwrite names and other standard fields"
            faults.append(Finding(check, "fail", what, "set `on_match` to update_owned in all environments but one"))
    yield from faults
    if sharing and not faults:
        names = ", ".join(one.environment for one in sharing)
        yield Finding(check, "pass", f"{names} write to the same workspace, each under a prefix of its own")


def compare_clocks(api: str, seconds: float) -> Finding:
    """Return whether this machine's clock agrees with an API's. It is ahead by `seconds`."""
    if abs(seconds) <= CLOCK_TOLERANCE:
        return Finding("clock", "pass", f"{api}'s clock and this machine's differ by {abs(seconds):.0f} seconds")
    direction = "ahead of" if seconds > 0 else "behind"
    what = f"this machine's clock is {abs(seconds):.0f} seconds {direction} {api}'s"
    return Finding("clock", "fail", what, "set the clock: NTP")


def find_doubtful_invoices(invoices: Iterable[JsonObject]) -> list[JsonObject]:
    """Return the first invoice of each currency whose unit in Chargebee's amounts is uncertain."""
    found: dict[str, JsonObject] = {}
    for invoice in invoices:
        currency = str(invoice.get("currency_code") or "")
        if currency in DOUBTFUL_CURRENCIES and invoice.get("total"):
            found.setdefault(currency, invoice)
    return list(found.values())


def compare_state_and_store(pipeline: Pipeline, store: str | None, confirmed: int, present: int | None) -> Finding:
    """Return whether the store in the state exists and is new enough.

    Args:
        pipeline: the pipeline.
        store: the name of the store in the state; None without a state.
        confirmed: the generation that the state confirms.
        present: the generation of the store; None if the store is missing.
    """
    check, refresh = "state and store", f"meltano run --full-refresh {pipeline.job}"
    if store is None:
        return Finding(check, "note", "nothing is synced yet", f"meltano run {pipeline.job}")
    if present is None:
        what = f"the state names the store {store}, but the store is missing"
        return Finding(check, "fail", what, f"restore it from a backup, or {refresh}")
    if present < confirmed:
        what = f"the store {store} is an old copy: it holds run {present}, but the state confirms run {confirmed}"
        return Finding(check, "fail", what, refresh)
    # A store that is ahead contains a run that the target has not confirmed, and the next run sends it again.
    return Finding(check, "pass", f"the state confirms run {confirmed} of the store, which holds run {present}")


def check_versions(installed: Mapping[str, str | None], plugins: Sequence[str]) -> Iterator[Finding]:
    """Yield whether every plugin is installed, and the versions."""
    missing = [plugin for plugin in plugins if not installed.get(plugin)]
    for plugin in missing:
        yield Finding("plugins", "fail", f"{plugin} is not installed", "meltano install")
    if not missing:
        yield Finding("plugins", "pass", ", ".join(f"{plugin} {installed[plugin]}" for plugin in plugins))
