"""Everything that needs torch and ultralytics; each job runs as ``python -m yolokit.engine.<job>``.

Nothing imports this package: ``yolokit.engine_protocol.child`` starts its modules as processes.
"""
