"""The stack of a sequence that is still being taken: it grows frame by frame, and nothing is done twice."""
