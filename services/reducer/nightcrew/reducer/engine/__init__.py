"""The reduction engine: parameters, primitives, recipes, streams and what every primitive has in common."""
