"""The embedded demo: a labelled data set of parts on a conveyor belt, drawn by a program."""

from yolokit.jobs.demo.plan import CLASS_SETS, VIDEO_FPS
from yolokit.jobs.demo.write import DemoResult, write_demo

__all__ = ["CLASS_SETS", "VIDEO_FPS", "DemoResult", "write_demo"]
