"""Networks as Darknet describes them: a .cfg file, turned into an architecture of ours."""
