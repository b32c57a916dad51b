"""Groups frames and decides what can be reduced, by rules held as data."""
