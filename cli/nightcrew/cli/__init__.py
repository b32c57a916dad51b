"""Observatory images reduced while they arrive."""
