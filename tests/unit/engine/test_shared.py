"""The process of several jobs finds each that may share it."""

from __future__ import annotations

import pytest

from yolokit.engine.process import Job
from yolokit.engine.shared import find_job
from yolokit.engine_protocol import requests, shared


@pytest.mark.parametrize("name", sorted(shared._JOBS))
def test_jobs_that_may_share_are_found(name: str) -> None:
    job = find_job(name)
    assert isinstance(job, Job)
    assert job.request_type.__module__ == requests.__name__
