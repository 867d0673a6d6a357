"""What the console judges by itself, from values alone: settings that disagree, clocks, stores and states out of step.

Nothing else judges; the functions are pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from standpipe_console.checks.findings import failed, noted, passed
from standpipe_console.project.pipelines import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from standpipe_console.checks.findings import Finding
    from standpipe_console.project.pipelines import Pipeline

#: Seconds that a clock may differ: Chargebee's lists are read back so far, by default.
CLOCK = 300
#: Currencies of which Chargebee does not say whether its amounts are in hundredths. Without a minor unit by ISO 4217,
#: and not among those that its API's description names (JPY, KRW, XAF, XOF); with three decimals by ISO 4217; and those
#: in whose payments others leave the decimals out.
DOUBTFUL = {
    *("BIF", "CLP", "DJF", "GNF", "ISK", "KMF", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XPF"),
    *("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
    *("COP", "CVE", "HUF", "IDR", "MGA", "TWD"),
}
FULL_REFRESH = "meltano run --full-refresh {job}"


def effective(plugin: str, settings: Mapping[str, Any], name: str) -> Any:
    """What a setting is, set or not."""
    value = settings.get(name)
    return DEFAULTS.get((plugin, name)) if value is None else value


def agreements(pipeline: Pipeline, of_map: Mapping[str, Any], of_target: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the target expects what the map sends."""
    check = "settings agree"
    disagreements = []
    for agreement in pipeline.agreements:
        value = effective(pipeline.map, of_map, agreement.setting)
        setting, wanted = agreement.wanted(value)
        actual = effective(pipeline.target, of_target, setting)
        if actual != wanted:
            told = f"{pipeline.map}'s `{agreement.setting}` is {value}, but {pipeline.target}'s `{setting}` is {actual}"
            remedy = f"meltano config set --store=dotenv {pipeline.target} {setting} {wanted}"
            disagreements.append(failed(check, told, remedy))
    yield from disagreements or [passed(check, f"{pipeline.target} expects what {pipeline.map} sends")]


def clock(api: str, seconds: float) -> Finding:
    """Whether this machine's clock and an API's are the same, but for `seconds`."""
    if abs(seconds) <= CLOCK:
        return passed("clock", f"{api}'s clock and this machine's differ by {abs(seconds):.0f} seconds")
    where = "ahead of" if seconds > 0 else "behind"
    return failed("clock", f"this machine's clock is {abs(seconds):.0f} seconds {where} {api}'s", "set the clock: NTP")


def doubtful_invoices(invoices: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first invoice of each currency of which it is not certain in which unit Chargebee tells amounts."""
    found: dict[str, Mapping[str, Any]] = {}
    for invoice in invoices:
        currency = str(invoice.get("currency_code") or "")
        if currency in DOUBTFUL and invoice.get("total"):
            found.setdefault(currency, invoice)
    return list(found.values())


def in_step(pipeline: Pipeline, store: str | None, generation: int, held: int | None) -> Finding:
    """Whether the store that the state names is there, and as new as it says.

    Args:
        pipeline: the pipeline.
        store: the name of the store in the state; None when there is no state.
        generation: the generation that the state confirms.
        held: the generation of the store; None when it is missing.
    """
    check, remedy = "state and store", FULL_REFRESH.format(job=pipeline.job)
    if store is None:
        return noted(check, "nothing was synchronised yet", f"meltano run {pipeline.job}")
    if held is None:
        return failed(check, f"the state names the store {store}, which is missing", f"bring it back, or {remedy}")
    if held < generation:
        return failed(check, f"the store {store} is an older copy: run {held}, the state is of {generation}", remedy)
    return passed(check, f"the state confirms run {generation} of the store, which holds run {held}")


def versions(installed: Mapping[str, str | None], wanted: Sequence[str]) -> Iterator[Finding]:
    """Whether every plugin is installed, and which version."""
    missing = [plugin for plugin in wanted if not installed.get(plugin)]
    for plugin in missing:
        yield failed("plugins", f"{plugin} is not installed", "meltano install")
    if not missing:
        yield passed("plugins", ", ".join(f"{plugin} {installed[plugin]}" for plugin in wanted))
