"""DAGs for Airflow 3: one for each schedule and environment of meltano.yml, and one per environment for alerts."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Variable
from standpipe_plan import read_plan

if TYPE_CHECKING:
    from airflow.sdk import Context
    from standpipe_plan import Run

PROJECT = os.environ.get("STANDPIPE_PROJECT") or str(Path(__file__).resolve().parents[2])
EXECUTABLE = f"{PROJECT}/.meltano/utilities/standpipe/venv/bin/standpipe"
#: After a worker has died, Meltano considers its run active for five minutes, and refuses another one.
RETRY_DELAY = timedelta(minutes=6)
RETRIES = 3
LONGEST_RUN = timedelta(hours=24)
#: `standpipe run` exits so when the job is paused, or another run of the job does not end: there is nothing to repeat.
NOT_STARTED = 75


class StandpipeOperator(BashOperator):
    """Runs a command of `standpipe` with the keys of its environment, which no template and no log shows."""

    def __init__(self, *, run: Run, **options: Any) -> None:
        command = shlex.join(run.build_command(EXECUTABLE, PROJECT))
        # `exec`: a signal of Airflow reaches standpipe itself, which then stops in order.
        super().__init__(bash_command=f"exec {command}", cwd=PROJECT, skip_on_exit_code=NOT_STARTED, **options)
        self.run_environment = run.environment
        self.run_variables = dict(run.variables)

    def get_env(self, context: Context) -> dict[str, str]:
        """Return the worker's variables without Airflow's own, the schedule's, and the keys from Airflow's secrets."""
        keys = Variable.get(f"standpipe_{self.run_environment}", default={}, deserialize_json=True)
        own = {name: value for name, value in super().get_env(context).items() if not name.startswith("AIRFLOW__")}
        return own | self.run_variables | {name: str(value) for name, value in keys.items()}


def build_dag(run: Run) -> DAG:
    """Return the DAG of a run."""
    with DAG(
        run.name,
        schedule=run.interval,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["standpipe", run.environment],
    ) as dag:
        options = {"pool": run.pool, "retries": RETRIES, "retry_delay": RETRY_DELAY} if run.is_job else {"retries": 0}
        StandpipeOperator(task_id="run", run=run, execution_timeout=LONGEST_RUN, **options)
    return dag


for planned in read_plan(PROJECT, os.environ.get("STANDPIPE_ENVIRONMENTS", "")):
    globals()[planned.name] = build_dag(planned)
