"""``train --folds K``: images dealt into K parts, a run for each, and their figures together."""
