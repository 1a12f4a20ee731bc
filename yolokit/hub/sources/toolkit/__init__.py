"""What sources that speak HTTP share."""
