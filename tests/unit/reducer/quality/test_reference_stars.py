"""Tables of reference stars: how they are read, and how their magnitudes become those of a filter."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.reducer.quality.reference_stars import in_filter, read_reference_stars, refcat, reference_stars
from nightcrew.shared.errors import FrameError

TABLE = {
    "RAJ2000": np.array([10.0, 10.01, 359.99]),
    "DEJ2000": np.array([0.0, 0.01, 0.0]),
    "Jmag": np.array([12.0, 13.0, 14.0]),
    "e_Jmag": np.array([0.02, 0.02, 0.02]),
    "Hmag": np.array([11.5, 12.5, 13.5]),
    "e_Hmag": np.array([0.02, 0.02, 0.2]),
    "Kmag": np.array([11.3, 12.3, np.nan]),
    "e_Kmag": np.array([0.02, 0.02, 0.02]),
}


def stars(**changed):
    return reference_stars(TABLE | changed, "table")


def test_stars_are_found_within_a_radius_also_across_the_vernal_equinox() -> None:
    assert list(stars().within(10.0, 0.0, 0.005).ra) == [10.0]
    assert len(stars().within(10.0, 0.0, 0.033).ra) == 2
    assert list(stars().within(0.005, 0.0, 0.033).ra) == pytest.approx([359.99])
    near_pole = reference_stars({"ra": np.array([0.0, 180.0]), "dec": np.array([89.99, 89.99])}, "table")
    assert len(near_pole.within(90.0, 90.0, 0.011).ra) == 2


@pytest.mark.parametrize(("name", "first"), [("J", 12.0), ("H", 11.5), ("Ks", 11.3), ("K(short)", 11.3)])
def test_2mass_is_taken_as_it_is_where_the_filters_agree(name, first) -> None:
    values, errors = in_filter(stars(), name)
    assert values[0] == pytest.approx(first)
    assert errors[0] == pytest.approx(0.02)


def test_k_is_computed_by_the_colour_with_the_smaller_error() -> None:
    values, errors = in_filter(stars(), "K")
    assert values[0] == pytest.approx(11.3 - 0.006 - 0.071 * 0.2)  # by H-K
    assert errors[0] == pytest.approx(np.sqrt(0.02**2 + 0.004**2 + (0.02 * 0.2) ** 2 + 0.071**2 * 2 * 0.02**2))
    uncertain, _ = in_filter(stars(e_Hmag=np.full(3, 0.5)), "K")
    assert uncertain[0] == pytest.approx(11.3 - 0.003 - 0.026 * 0.7)  # by J-K
    assert np.isnan(values[2])


def test_k_prime_needs_the_colour() -> None:
    values, _ = in_filter(stars(), "K(prime)")
    assert values[0] == pytest.approx(11.3 - 0.006 + 0.149 * 0.2)
    without_h = {name: column for name, column in TABLE.items() if "Hmag" not in name}
    assert in_filter(reference_stars(without_h, "table"), "K(prime)") is None
    assert in_filter(stars(), "Y") is None


def test_a_table_may_give_the_magnitudes_of_the_filter_itself() -> None:
    given = reference_stars({"ra": np.array([1.0]), "dec": np.array([2.0]), "filtermag": np.array([15.0])}, "table")
    values, errors = in_filter(given, "Y")
    assert values[0] == 15.0
    assert np.isnan(errors[0])


def test_refcat_has_the_columns_of_the_reference() -> None:
    table = refcat(stars(), "K(prime)")
    assert table.rows.dtype.names == (
        "Id", "Cat_Id", "RAJ2000", "DEJ2000", "jmag", "jmag_err", "hmag", "hmag_err", "kmag", "kmag_err",
        "filtermag", "filtermag_err",
    )  # fmt: skip
    assert list(table.rows["Id"]) == [1, 2, 3]
    assert table.units["RAJ2000"] == "deg"
    assert table.units["filtermag"] == "mag"
    assert "filtermag" not in refcat(stars(), "Y").rows.dtype.names


@pytest.mark.parametrize(
    "text",
    [
        "RA,DEC,name,Jmag,e_Jmag\n10.0,-1.5,A1,12.0,0.1\n11.0,-1.0,A2,,\n",
        "# written by hand\nRAJ2000 DEJ2000 designation j_m j_cmsig\n10.0 -1.5 A1 12.0 0.1\n\n11.0 -1.0 A2 null null\n",
        "# X_WORLD Y_WORLD Cat_Id jmag jmag_err\n10.0 -1.5 A1 12.0 0.1\n11.0 -1.0 A2 -- --\n",
    ],
)
def test_text_tables_are_read_with_the_names_that_catalogues_use(tmp_path, text) -> None:
    path = tmp_path / "stars.txt"
    path.write_text(text)
    read = read_reference_stars(path)
    assert list(read.names) == ["A1", "A2"]
    assert list(read.ra) == [10.0, 11.0]
    assert list(read.dec) == [-1.5, -1.0]
    assert read.magnitudes["j"][0] == 12.0
    assert read.errors["j"][0] == 0.1
    assert np.isnan(read.magnitudes["j"][1])


def test_fits_tables_are_read(tmp_path) -> None:
    path = tmp_path / "stars.fits"
    columns = [fits.Column(name=name, format="D", array=values) for name, values in TABLE.items()]
    fits.BinTableHDU.from_columns(columns).writeto(path)
    read = read_reference_stars(path)
    assert list(read.magnitudes["h"]) == [11.5, 12.5, 13.5]
    assert list(read.names) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("RA,DEC\n", "no rows"),
        ("RA,DEC\n1.0\n", "another number of columns"),
        ("x,y\n1.0,2.0\n", "no columns of positions"),
        ("RA,DEC\n10:30:00,-1:00:00\n", "in degrees"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, text, why) -> None:
    path = tmp_path / "stars.csv"
    path.write_text(text)
    with pytest.raises(FrameError, match=rf"stars.csv.*{why}"):
        read_reference_stars(path)


def test_an_image_and_a_missing_file_are_no_tables(tmp_path) -> None:
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(path)
    with pytest.raises(FrameError, match="no table extension"):
        read_reference_stars(path)
    with pytest.raises(FrameError, match="nothing.csv"):
        read_reference_stars(tmp_path / "nothing.csv")
