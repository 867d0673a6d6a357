"""The folders of a run over some records only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline


def find_subset_reports(project: Project, pipeline: Pipeline, kind: str) -> Path:
    """Return the folder of the reports of runs of this kind: they must not replace those of a full run."""
    return project.output_dir / kind / pipeline.target


def build_subset_folders(project: Project, pipeline: Pipeline, kind: str) -> dict[str, str]:
    """Return the variables of the target's folders: reports of its own, and the memory and the lock of every run."""
    settings = project.get_settings(pipeline.target)
    memory = settings.get("memory_dir") or f"{settings.get('report_dir')}/memory"
    return {
        pipeline.report_dir_variable: str(find_subset_reports(project, pipeline, kind)),
        pipeline.memory_dir_variable: str(memory),
    }
