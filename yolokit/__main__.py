"""``python -m yolokit`` is the command ``yolokit``."""

from yolokit.cli.main import main

main()
