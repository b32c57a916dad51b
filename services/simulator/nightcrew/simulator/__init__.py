"""A telescope that does not exist: writes realistic nights with their truth."""
