"""What child processes of the tests run: the code that users run, and nothing beside it."""

from __future__ import annotations

import os


def pull(home: str, name: str) -> None:
    """Obtain weights into a store of one's own, as ``yolokit weights pull`` does."""
    from yolokit.hub.config import PullConfig
    from yolokit.hub.ensure import pull_weights

    os.environ["YOLOKIT_HOME"] = home
    pull_weights(PullConfig(name))
