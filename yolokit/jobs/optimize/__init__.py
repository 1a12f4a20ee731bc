"""Finds the fastest file and engine that lose no more accuracy than they may, on this machine."""
