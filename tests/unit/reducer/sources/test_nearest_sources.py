"""Sources of two catalogues are paired by their distance on the sky, as a tree would pair them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nightcrew.reducer.catalogue.flux_scale import nearest_sources
from nightcrew.shared.frames import Table


def catalogue(ra, dec) -> Table:
    rows = np.zeros(len(ra), [("X_WORLD", "f8"), ("Y_WORLD", "f8")])
    rows["X_WORLD"], rows["Y_WORLD"] = ra, dec
    return Table(rows, {})


def on_sphere(table: Table):
    ra, dec = np.radians(table.rows["X_WORLD"]), np.radians(table.rows["Y_WORLD"])
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def scattered(seed: int, count: int, where: tuple[float, float], width: float) -> Table:
    """Return sources in a field so many arcsec wide."""
    rng = np.random.default_rng(seed)
    ra, dec = where
    ra = (ra + rng.uniform(-0.5, 0.5, count) * width / 3600 / np.cos(np.radians(dec))) % 360
    return catalogue(ra, dec + rng.uniform(-0.5, 0.5, count) * width / 3600)


@pytest.mark.parametrize("where", [(150.0, 2.0), (0.0, -30.0), (10.0, 89.98), (200.0, -89.98)])
@pytest.mark.parametrize(("counts", "radius"), [((300, 400), 0.5), ((300, 400), 5.0), ((1, 50), 20.0)])
def test_every_source_finds_the_one_that_a_tree_finds(where, counts, radius) -> None:
    ours, theirs = scattered(1, counts[0], where, 60.0), scattered(2, counts[1], where, 60.0)
    chord = 2 * np.sin(np.radians(radius / 3600) / 2)
    _, found = cKDTree(on_sphere(theirs)).query(on_sphere(ours), distance_upper_bound=chord)
    expected = np.where(found == counts[1], -1, found)
    assert (expected >= 0).any()
    assert nearest_sources(ours, theirs, radius).tolist() == expected.tolist()


def test_beyond_the_radius_and_among_none_there_is_nobody() -> None:
    here = catalogue([150.0], [2.0])
    assert nearest_sources(here, catalogue([150.0], [2.0 + 0.6 / 3600]), 0.5).tolist() == [-1]
    assert nearest_sources(here, catalogue([150.0], [2.0 + 0.4 / 3600]), 0.5).tolist() == [0]
    assert nearest_sources(here, catalogue([], []), 0.5).tolist() == [-1]
    assert nearest_sources(catalogue([], []), here, 0.5).tolist() == []
