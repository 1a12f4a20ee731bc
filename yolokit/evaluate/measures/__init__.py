"""What an analysis is made of: each detection judged, and what is counted of that."""
