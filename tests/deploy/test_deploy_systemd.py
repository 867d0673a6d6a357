"""The units of systemd are valid, and start at the times of meltano.yml."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
import yaml
from cronsim import CronSim

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.*er*"))
SCHEDULES = {one["job"]: one["interval"] for one in yaml.safe_load((ROOT / "meltano.yml").read_text())["schedules"]}
pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs the command systemd-analyze")


def analyze(*args: str) -> str:
    """Return what `systemd-analyze` prints, with its errors."""
    done = subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_units_are_valid(tmp_path: Path) -> None:
    """Every unit has known keys and an existing command."""
    executable = tmp_path / ".meltano/utilities/standpipe/venv/bin/standpipe"
    executable.parent.mkdir(parents=True)
    executable.touch(mode=0o755)
    for unit in UNITS:
        text = unit.read_text().replace("/srv/standpipe", str(tmp_path))
        (tmp_path / unit.name).write_text(re.sub(r"(?m)^User=.*\n", "", text))
    names = [str(tmp_path / unit.name) for unit in UNITS if unit.suffix == ".service"]
    assert len(names) == 4
    assert analyze("verify", *names) == ""


@pytest.mark.parametrize(
    ("timer", "interval"),
    [(f"standpipe@{job}", interval) for job, interval in SCHEDULES.items()] + [("standpipe-alerts", "*/10 * * * *")],
)
def test_a_timer_has_the_times_of_the_schedule(timer: str, interval: str) -> None:
    """The next five starts are those of cron."""
    text = (ROOT / f"deploy/systemd/{timer}.timer").read_text()
    calendar = text.partition("OnCalendar=")[2].partition("\n")[0]
    begin = datetime(2026, 1, 15, 11, 52, tzinfo=UTC)
    told = analyze("calendar", "--iterations=5", "--base-time=2026-01-15 11:52:00 UTC", f"{calendar} UTC")
    times = [f"{one:%Y-%m-%d %H:%M:%S}" for one in islice(CronSim(interval, begin), 5)]
    assert re.findall(r"(?:Next elapse|Iter\. #\d): \w+ ([\d-]+ [\d:]+) UTC", told) == times
