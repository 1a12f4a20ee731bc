"""Quantizers: each module is one precision that ``yolokit export`` can write beside FP32.

A quantizer's module is called as its precision, which goes into the manifest, and defines what
:class:`yolokit.export.quantizers.toolkit.Quantizer` states. What it writes passes the same gates as
an FP32 model, with the tolerances of its precision (``export/tolerances.py``).
"""
