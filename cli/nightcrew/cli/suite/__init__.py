"""The suite on one machine, and what people ask of a suite wherever it runs: jobs, frames, groups, nights."""
