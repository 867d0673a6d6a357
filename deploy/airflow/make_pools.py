"""Prints the pools of a project, for `airflow pools import`: `python make_pools.py [FOLDER OF meltano.yml]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from standpipe_plan import build_pools, read_plan

if __name__ == "__main__":
    project = sys.argv[1] if sys.argv[1:] else str(Path(__file__).resolve().parents[2])
    json.dump(build_pools(read_plan(project)), sys.stdout, indent=2)
