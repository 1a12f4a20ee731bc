"""``http:``: plain http, to this machine alone; the check is the same as for https."""

from __future__ import annotations

from yolokit.hub.sources.https import IS_LOCAL, check_url, open_stream

__all__ = ["IS_LOCAL", "check_url", "open_stream"]
