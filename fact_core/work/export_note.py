"""What an export run has written: noted beside the run just before the folder gets its name.

So a run that was killed when all was done but to say so is told from one whose folder is somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fact_core.files import write_text
from fact_core.storage.project import Project


def write_note(project: Project, run_id: int, target: Path, files: Sequence[str]) -> None:
    """Note what is about to lie in the folder. StorageError when the disk is full."""
    text = json.dumps({"folder": str(target), "files": list(files)}, ensure_ascii=False)
    write_text(_file(project, run_id), text, "writing the export")


def written(project: Project, run_id: int, target: Path) -> list[str]:
    """The files of this run that lie in the folder; empty where it has not written it, or not all of them are there."""
    try:
        told = json.loads(_file(project, run_id).read_text("utf-8"))
        files = [str(name) for name in told["files"]]
        return files if told["folder"] == str(target) and all((target / name).is_file() for name in files) else []
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _file(project: Project, run_id: int) -> Path:
    return project.run_folder(run_id) / "export.json"
