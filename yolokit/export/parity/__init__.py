"""Parity: what two sides gave for the same images, and how far they are apart."""
