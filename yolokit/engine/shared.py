"""Several jobs in one process, one after another, so that torch is started once."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from yolokit.engine.process import Job, serve_each


def find_job(name: str) -> Job[Any]:
    """Return the job that a module of ``engine`` does."""
    return cast("Job[Any]", import_module(f"yolokit.engine.{name}").JOB)


def load_upstream() -> None:
    """Load what every job needs, while the parent prepares the first one."""
    import_module("yolokit.engine.ultralytics_patches")


if __name__ == "__main__":
    load_upstream()
    serve_each(find_job)
