"""The page's words and colours for what the history contains. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from standpipe_console.history.figures import sum_figures
from standpipe_console.project.pipelines import PIPELINES

if TYPE_CHECKING:
    from standpipe_console.history import RunRow
    from standpipe_console.project.pipelines import Pipeline

#: The status of a run: the class of its badge, and its words.
STATUSES = {
    "running": ("running", "running"),
    "loading": ("running", "ending"),
    "completed": ("good", "completed"),
    "partly_refused": ("notice", "partly refused"),
    "failed": ("bad", "failed"),
    "guarded": ("bad", "guarded"),
    "stopped": ("notice", "stopped"),
    "killed": ("bad", "killed"),
    "not_started": ("notice", "not started"),
}
#: What started a run.
TRIGGERS = {
    "schedule": "the schedule",
    "person": "a person",
    "live": "live",
    "page": "this page",
    "retry": "a retry",
    "meltano": "meltano run",
}
#: The jobs in plain words.
JOBS = {
    "sync": "Sync to Intercom",
    "validate": "Validation",
    "trial": "Trial",
    "sync-leads": "Sync of leads",
    "resync-leads": "Sync of all leads",
    "merge-report": "Comparison of leads",
    "undo": "Undo",
}
#: What to do about a refused record if the vendor's own words do not say it.
REFUSAL_REMEDIES = {
    "target-intercom": "Correct it in Chargebee; the next run sends it again.",
    "target-chartmogul": "Correct it in Intercom; the next run sends it again.",
}
#: The systems that are written to.
SYSTEMS = {"intercom": "Intercom", "chartmogul": "ChartMogul"}
#: The outcome of a record: the class of its badge.
_LEVELS = {"rejected": "bad", "unknown": "bad", "skipped": "notice", "not_reached": "notice", "held": "notice"}
#: The outcomes of the records of an undo.
_UNDONE = ("restored", "kept", "gone", "unchanged", "archived")
_QUIET = {"unchanged", "not_sent", "not_written"}
#: How `standpipe run` begins and ends the reason of a failure.
_BEGINNING = re.compile(r"^\S+ (?:failed \(exit code \d+\)|was killed by signal \d+)(?:: |; |$)")
_LOG = re.compile(r"(?:^|; ?)its log is \S.*$")
#: How a target says that a guard has stopped it.
_GUARD = re.compile(r"(\d+) of (\d+) linked records would (?:change|have changed) MRR.*\(([\d.]+)%\)", re.DOTALL)
GUARD_REMEDY = (
    "Look at Validation: if the changes are right, set `accept_changes` for one run; "
    "else correct what is wrong in the source."
)
#: Why records were not reached by a run that a guard stopped.
WAITING = "waiting for approval: too much would have changed at once"


class Badge(NamedTuple):
    """A word with its CSS class for the colour."""

    level: str
    word: str


def describe_status(status: str) -> Badge:
    """Return the badge of a run."""
    return Badge(*STATUSES.get(status, ("", status.replace("_", " "))))


def describe_kind(kind: str) -> Badge:
    """Return the badge of the outcome of a record."""
    return Badge("" if kind in _QUIET else _LEVELS.get(kind, "good"), kind.replace("_", " "))


def clean_reason(reason: str) -> str:
    """Return why a run failed, without the job, the exit code and the path of the log, which the page shows anyway."""
    text = remove_log(_BEGINNING.sub("", reason))
    return text or reason


def explain_guard(reason: str, subject: str = "It") -> str:
    """Return the reason why a guard stopped a run, in words for people; the target's own if they are not known."""
    found = _GUARD.search(reason)
    if not found:
        return reason
    alarming, linked = int(found[1]), int(found[2])
    return (
        f"{subject} would have changed the MRR or status of, or emptied a field for, {alarming:,} of {linked:,} "
        f"customers ({alarming / linked:.0%}). The limit is {found[3]}%, so it wrote nothing.".replace("%", " %")
    )


def remove_log(sentence: str) -> str:
    """Return a sentence without the place of a log, which only the machine's owner can read."""
    return _LOG.sub("", sentence).strip()


def describe_job(run: RunRow, undone: str = "") -> str:
    """Return what a run is called; an undo by the time of the run that it undid."""
    if run.mode == "undo" and undone:
        return f"Undo of the run of {undone}"
    if run.mode == "undo":
        return f"Undo in {name_system(run.plugin)}"
    name = JOBS.get(run.job, run.job or run.plugin)
    return f"{name}, some records" if run.is_subset else name


def describe_undo(run: RunRow) -> str:
    """Return how many records an undo put back."""
    known = sum(count for kind in _UNDONE if isinstance(count := run.counts.get(kind), int))
    looked_at = max(known, run.counts.get("records", 0))
    return f"{run.counts.get('restored', 0):,} of {looked_at:,} put back" if looked_at else ""


def describe_trigger(trigger: str) -> str:
    """Return who started a run."""
    return TRIGGERS.get(trigger, trigger)


def find_pipeline(plugin: str) -> Pipeline | None:
    """Return the pipeline of a target."""
    return next((one for one in PIPELINES if one.target == plugin), None)


def name_system(plugin: str) -> str:
    """Return the name of the system that a target writes to."""
    pipeline = find_pipeline(plugin)
    return SYSTEMS[pipeline.system] if pipeline else plugin


def count_figures(run: RunRow) -> dict[str, int | None]:
    """Return the figures of a run by column; None while they are not known, and for what a run only looked at."""
    figures = sum_figures(run.counts, run.mode)
    return figures if "calls" in run.counts else figures | {"calls": None}


def explain_not_sent(reason: str) -> str:
    """Return why the map does not send a customer."""
    words = {
        "shares_match_value": "another customer has the same match value and is sent instead",
        "replaced": "another customer has replaced it and is sent instead",
        "left_out": "`only_customers` leaves it out",
        "undecided": "`only_customers` has no result for it, or for a customer with the same match value",
    }
    return words.get(reason, reason.replace("_", " "))
