"""``train --folds K``: the images dealt into K parts, K runs, and what their figures say together."""
