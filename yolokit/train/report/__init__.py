"""What came of a run, made from its folder alone: curves, a verdict, and a page to look at."""
