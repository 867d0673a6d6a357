"""Jobs and schedules for Dagster: one for each schedule and environment of meltano.yml, and one each for alerts."""

import os
import subprocess
from pathlib import Path

from dagster import Definitions, Failure, JobDefinition, OpExecutionContext, RetryPolicy, ScheduleDefinition, job, op
from standpipe_plan import Run, read_plan

PROJECT = os.environ.get("STANDPIPE_PROJECT") or str(Path(__file__).resolve().parents[2])
EXECUTABLE = f"{PROJECT}/.meltano/utilities/standpipe/venv/bin/standpipe"
#: After a machine has died, Meltano considers its run active for five minutes, and refuses another one.
RETRY_DELAY = 360
RETRIES = 3
#: `standpipe run` exits so when the job is paused, or another run of the job does not end: there is nothing to repeat.
NOT_STARTED = 75


def build_job(run: Run) -> JobDefinition:
    """Return the job of a run. Its keys come from the environment, or from the project's file of keys."""
    name = run.name.replace("-", "_")

    @op(name=f"run_{name}", retry_policy=RetryPolicy(RETRIES, RETRY_DELAY) if run.is_job else None)
    def execute(context: OpExecutionContext) -> None:
        command = run.build_command(EXECUTABLE, PROJECT)
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=PROJECT,
            env=os.environ | run.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                for line in process.stdout or ():
                    context.log.info(line.rstrip())
            except BaseException:
                process.terminate()  # standpipe stops in order
                raise
        if process.returncode not in {0, NOT_STARTED}:
            raise Failure(f"`standpipe {' '.join(run.arguments)}` failed: exit code {process.returncode}")

    # Runs of one pool share the limits of a vendor's account: `dagster.yaml` gives each of them a slot.
    @job(name=name, tags={"environment": run.environment, **({"pool": run.pool} if run.pool else {})})
    def run_once() -> None:
        execute()

    return run_once


plan = read_plan(PROJECT, os.environ.get("STANDPIPE_ENVIRONMENTS", ""))
defs = Definitions(
    schedules=[
        ScheduleDefinition(job=build_job(run), cron_schedule=run.interval, execution_timezone="UTC") for run in plan
    ]
)
