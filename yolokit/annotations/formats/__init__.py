"""One file a format: ``sniff``, ``read`` and, where it can be written, ``write``.

What such a file defines is stated by :class:`yolokit.annotations.plugin.Format`.
"""
