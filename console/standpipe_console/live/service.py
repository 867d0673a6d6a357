"""`standpipe live`: one process that polls events, receives webhooks and runs the jobs until it is stopped."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from standpipe_console.alerts.check import check_until_stopped, tell_after_run
from standpipe_console.api.vendors import connect_chargebee
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.plugin_facts import PluginFacts
from standpipe_console.runs.catalogs import find_catalog
from standpipe_console.runs.locks import JobLock
from standpipe_console.runs.runner import JobRunner, Outcome
from standpipe_console.runs.subset_folders import build_subset_folders

from . import chargebee_api
from .backoff import compute_backoff
from .commits import GroupCommits
from .inbox import Inbox, InboxUnavailableError
from .obstacles import find_obstacle
from .poller import EventsPoller
from .problems import Problems
from .receiver import Receiver
from .worker import LOOK_AGAIN, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from standpipe_console.api.client import Api
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

    from .settings import LiveSettings

LOGGER = logging.getLogger(__name__)
#: The shortest sleep of the loop, in seconds.
_SHORTEST_SLEEP = 0.05
#: Seconds to wait after a step that failed, doubled by each further one up to `LOOK_AGAIN`.
_FIRST_WAIT = 0.5
#: Seconds between two rounds of forgetting old events.
_PRUNE_EVERY = 3600.0


class LiveService:
    """Everything that live does, in one process.

    Args:
        project: the Meltano project.
        settings: the settings of live.
        listen: host and port of the receiver; None without one.
    """

    def __init__(self, project: Project, settings: LiveSettings, listen: tuple[str, int] | None) -> None:
        self._project = project
        self._settings = settings
        self._listen = listen
        self._stopping = threading.Event()
        self._runner: JobRunner | None = None
        self._problems = Problems()
        self._failed_steps: Counter[str] = Counter()
        self._polls_fail_since: float | None = None
        self._moments: frozenset[str] = frozenset()
        self.inbox = Inbox(settings.inbox_url, project.database_schema)
        self.address: tuple[str, int] | None = None  #: where the receiver listens, once it does

    def stop(self) -> None:
        """End the current run in order, then everything else. It is safe to call this from a signal handler."""
        self._stopping.set()
        if self._runner:
            self._runner.stop()

    def run(self) -> None:
        """Work until `stop` is called.

        Raises:
            ConsoleError: no pipeline is set up, another live works on this project, or the receiver cannot listen.
        """
        with ExitStack() as stack:
            stack.callback(self.inbox.close)
            pipelines = self._project.ready_pipelines
            if not pipelines:
                raise ConsoleError("No pipeline is set up: run `meltano invoke standpipe:setup` first.")
            lock = JobLock(self._project.system_dir / "standpipe", "live").hold(0)
            if stack.enter_context(lock) is None:
                raise ConsoleError("Another `standpipe live` is already running for this project: stop it first.")
            self._lock_inbox()
            if self._listen:
                stack.enter_context(self._serve_receiver(*self._listen))
            if SYNC in pipelines:
                stack.enter_context(self._start_thread(self._poll_until_stopped, "events"))
            stack.enter_context(self._start_thread(self._check_alerts_until_stopped, "alerts"))
            process = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": time.time()}
            self.inbox.write_fact("live", process)
            stack.callback(self._clear_fact, "live")
            names = ", ".join(pipeline.job for pipeline in pipelines)
            LOGGER.info("Live for %s", names)
            self._load_settings(pipelines)
            self._work([self._build_worker(pipeline) for pipeline in pipelines])
        LOGGER.info("Live has stopped")

    def _lock_inbox(self) -> None:
        """Keep the `live` of another machine from the same inbox: both would run over what waits.

        Raises:
            ConsoleError: there is one.
        """
        if not self.inbox.lock_for_live():
            raise ConsoleError(
                "Another `standpipe live` already works on the inbox of LIVE_INBOX_URL, perhaps on another machine: "
                "stop it first, or give this one a database or an environment of its own."
            )

    def _load_settings(self, pipelines: Iterable[Pipeline]) -> None:
        """Load the settings that every run needs, so that the first change does not wait seconds for Meltano."""
        for pipeline in pipelines:
            for plugin in (pipeline.target, pipeline.map):
                with suppress(ConsoleError):  # the first run says what is wrong
                    self._project.get_settings(plugin)
        if SYNC in pipelines:
            with suppress(ConsoleError):
                self._moments = find_moments(self._project)

    def _work(self, workers: list[Worker]) -> None:
        """Let the workers run one after the other.

        The pipelines share a workspace's rate limit, and only one scroll can be open.
        """
        pruned_at, locked_at = float("-inf"), time.monotonic()
        wake_at = {worker.job: 0.0 for worker in workers}
        while not self._stopping.is_set():
            for worker in workers:
                if self._stopping.is_set() or time.monotonic() < wake_at[worker.job]:
                    continue
                wake_at[worker.job] = time.monotonic() + self._step(worker)
            if time.monotonic() - locked_at > LOOK_AGAIN:
                # A restart of the database ends the lock.
                with suppress(InboxUnavailableError):
                    self._lock_inbox()
                locked_at = time.monotonic()
            if time.monotonic() - pruned_at > _PRUNE_EVERY:
                with suppress(InboxUnavailableError):
                    self.inbox.prune(time.time())
                pruned_at = time.monotonic()
            self._stopping.wait(max(_SHORTEST_SLEEP, min(wake_at.values()) - time.monotonic()))

    def _step(self, worker: Worker) -> float:
        """Let a worker take a step; return the seconds until its next one."""
        try:
            seconds = worker.step()
        except ConsoleError as error:
            self._problems.report(worker.job, str(error))
            self._failed_steps[worker.job] += 1
            # After a failure of a vendor, Meltano or the inbox's database, the next attempt comes later than a second.
            return compute_backoff(self._failed_steps[worker.job], _FIRST_WAIT, LOOK_AGAIN)
        self._problems.end(worker.job)
        self._failed_steps[worker.job] = 0
        # A ring may come at any time, but its id is due only this much later, so sleeping until then delays nothing.
        timing = self._settings.timing
        longest = min(timing.quiet_seconds, timing.longest_wait)
        return longest if seconds is None else min(seconds, longest)

    def _build_worker(self, pipeline: Pipeline) -> Worker:
        return Worker(
            pipeline=pipeline,
            inbox=self.inbox,
            timing=self._settings.timing,
            run=partial(self._run_job, pipeline),
            find_obstacle=lambda: find_obstacle(self._project, pipeline),
            find_customer=lambda id_: chargebee_api.find_customer_id(self._connect_chargebee(), id_),
            clock=time.time,
            alert_after=self._settings.alert_after,
        )

    def _run_job(
        self,
        pipeline: Pipeline,
        variables: Mapping[str, str],
        *,
        is_subset: bool,
        on_start: Callable[[float], None],
    ) -> Outcome:
        self._runner = JobRunner(self._project, pipeline.job, gives_way=True, trigger="live", on_start=on_start)
        if self._stopping.is_set():
            self._runner.stop()
        if not is_subset:
            outcome = self._runner.run(variables)
            tell_after_run(self._project, pipeline.job, is_good=outcome.succeeded)
            return outcome
        folders = build_subset_folders(self._project, pipeline, "live")
        return self._runner.run({**variables, **folders, **find_catalog(self._project, pipeline.tap)}, is_subset=True)

    def _connect_chargebee(self) -> Api:
        """Return the API with the key that is in `.env` now, as it may have been rotated."""
        return connect_to_chargebee(self._project)

    def _poll_until_stopped(self) -> None:
        poller = EventsPoller(self._connect_chargebee, self.inbox, time.time, lambda: self._moments)
        while not self._stopping.is_set():
            error = ""
            try:
                poller.poll()
            except ConsoleError as problem:
                error = str(problem)
            self._note_poll(error)
            self._stopping.wait(self._settings.poll_seconds)

    def _check_alerts_until_stopped(self) -> None:
        check_until_stopped(self._project, self._stopping, self._problems)

    def _note_poll(self, error: str) -> None:
        """Keep the result of a check of the events, for `live status` and `/healthz`."""
        now, subject = time.time(), "Chargebee's events cannot be read"
        if error:
            self._problems.report(subject, error)
            self._polls_fail_since = self._polls_fail_since or now
        else:
            self._problems.end(subject)
            self._polls_fail_since = None
        with suppress(InboxUnavailableError):
            self.inbox.write_fact("poll", {"at": now, "error": error, "failing_since": self._polls_fail_since})

    def _clear_fact(self, name: str) -> None:
        with suppress(InboxUnavailableError):
            self.inbox.write_fact(name, None)

    @contextmanager
    def _start_thread(self, target: Callable[[], None], name: str) -> Iterator[None]:
        def work() -> None:
            try:
                target()
            finally:
                # Without this thread, live would seem healthy but receive nothing. So live ends, and can be started
                # again.
                self._stopping.set()

        thread = threading.Thread(target=work, name=name)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    @contextmanager
    def _serve_receiver(self, host: str, port: int) -> Iterator[None]:
        credentials = self._settings.credentials
        if not (credentials.chargebee_password or credentials.intercom_client_secret):
            raise ConsoleError(
                "The receiver has no credentials to check: set LIVE_CHARGEBEE_USERNAME and LIVE_CHARGEBEE_PASSWORD "
                "(`standpipe live install` does), or LIVE_INTERCOM_CLIENT_SECRET."
            )
        commits = GroupCommits(self.inbox)
        app = Receiver(credentials, commits, self._describe_health, lambda: self._moments).build_app()
        server = uvicorn.Server(
            uvicorn.Config(
                app, host=host, port=port, log_config=None, access_log=False, lifespan="off", proxy_headers=False
            )
        )
        thread = threading.Thread(target=server.run, name="receiver")
        thread.start()
        while not server.started:
            if not thread.is_alive():
                commits.close()
                raise ConsoleError(f"The receiver cannot listen on {host}:{port}: choose another `--listen`.")
            time.sleep(0.01)
        self.address = server.servers[0].sockets[0].getsockname()[:2]
        LOGGER.info("Receiving at http://%s:%d", *self.address)
        self.inbox.write_fact("receiver", {"host": self.address[0], "port": self.address[1]})
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()
            commits.close()
            self._clear_fact("receiver")

    def _describe_health(self) -> dict[str, Any]:
        """Return whether changes start runs, and if not, why. Anybody who reaches the address may read the answer."""
        problems = []
        blocked = {}
        try:
            facts = {one.job: self.inbox.read_fact(f"{one.job}.blocked") for one in self._project.ready_pipelines}
            blocked = {job: reason for job, reason in facts.items() if reason}
        except InboxUnavailableError:
            problems.append("The inbox does not answer.")
        failing = time.time() - (self._polls_fail_since or time.time())
        if self._polls_fail_since and failing >= self._settings.alert_after:
            problems.append(f"Chargebee's events could not be read for {failing / 60:.0f} minutes.")
        return {"healthy": not (blocked or problems), "blocked": blocked, "problems": problems}


def connect_to_chargebee(project: Project, **settings: str) -> Api:
    """Return Chargebee's API with the settings that are in `.env` now, or with `settings`."""
    present = read_chargebee_settings(project) | settings
    # Only the vendor's own address has to be read from the tap.
    facts = PluginFacts() if present.get("api_url") else project.get_facts(SYNC.tap)
    return connect_chargebee(present, facts)


def find_moments(project: Project) -> frozenset[str]:
    """Return the types of Chargebee's events that become moments."""
    chosen = project.get_settings(SYNC.map).get("moments")
    if not chosen:
        return frozenset()
    known = project.get_facts(SYNC.map).facts.moments
    return frozenset(kind for one in known if one.name in chosen for kind in one.event_types)


def read_chargebee_settings(project: Project) -> dict[str, Any]:
    """Return the tap's settings for Chargebee, as variables. Reading them from Meltano would take seconds each time."""
    names = {"site": "TAP_CHARGEBEE_SITE", "api_key": "TAP_CHARGEBEE_API_KEY", "api_url": "TAP_CHARGEBEE_API_URL"}
    return {name: value for name, variable in names.items() if (value := project.get_variable(variable))}
