"""Replacing pixels by their surroundings."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.pixels import median_filled, ring_medians


def test_flagged_pixels_get_the_median_of_the_ring_around_them() -> None:
    image = np.full((20, 20), 5.0, np.float32)
    image[10, 10], image[10, 11] = 1000.0, 900.0
    flagged = image > 100
    assert (ring_medians(image, flagged) == 5.0).all()
    assert image[10, 10] == 1000.0


def test_a_pixel_without_good_neighbours_gets_the_median_of_the_image() -> None:
    image = np.full((40, 40), 3.0, np.float32)
    flagged = np.ones((40, 40), dtype=bool)
    flagged[0, 0] = False
    assert ring_medians(image + flagged, flagged)[20, 20] == 3.0


@pytest.mark.parametrize("replace", [ring_medians, median_filled])
def test_nothing_to_replace_or_to_replace_by_leaves_the_image(replace) -> None:
    image = np.ones((5, 5), np.float32)
    assert replace(image, np.zeros((5, 5), dtype=bool)) is image
    assert replace(image, np.ones((5, 5), dtype=bool)) is image


def test_the_median_of_the_others_fills_flagged_pixels() -> None:
    image = np.array([[1, 2, 3, 99]], np.float32)
    assert median_filled(image, image > 10).tolist() == [[1, 2, 3, 2]]
