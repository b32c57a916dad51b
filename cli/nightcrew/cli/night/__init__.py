"""A whole night in one process: collect the frames, plan, reduce group by group, report."""
