"""Types, geometry and file handling that every other package builds on."""
