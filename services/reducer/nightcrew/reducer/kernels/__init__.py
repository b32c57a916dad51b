"""Compiled loops over pixels: pure functions of arrays, the same bits for any tiling and number of threads."""
