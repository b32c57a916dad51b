"""How frames of a dither compare: which is the best, and which do not lie where they should."""
