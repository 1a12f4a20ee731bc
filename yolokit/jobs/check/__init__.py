"""``yolokit data check``: what is wrong with a data set, and the page that shows it."""
