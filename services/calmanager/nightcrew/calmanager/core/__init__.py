"""Functions of data: life cycle, validity, quality gates, and the measures that they judge."""
