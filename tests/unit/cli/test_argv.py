from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.cli.argv import normalise, words
from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.main import in_full

LISTS = {
    "darks.lis": "# darks of 20 s\nd1.fits d2.fits   # two of them\n\nd3.fits\n",
    "flat.par": "# flat.par\n-p\naddDQ:user_bpm=N1_bpm.fits   # from the flats\n--suffix _test\n",
    "nested.lis": "@darks.lis\nd4.fits\n",
    "a.lis": "a.fits @b.lis",
    "b.lis": "b.fits\n@a.lis",
    "twice.lis": "@darks.lis @darks.lis",
}


def read(name: str) -> str:
    if name not in LISTS:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
    return LISTS[name]


def lines(*argv: str, files: tuple[str, ...] = ()) -> list[str]:
    return normalise(argv, read, lambda name: name in files)


def test_an_at_file_is_replaced_by_its_contents_anywhere_on_the_line():
    assert lines("reduce", "x.fits", "@darks.lis", "-r", "y") == [
        "reduce", "x.fits", "d1.fits", "d2.fits", "d3.fits", "-r", "y",
    ]  # fmt: skip


def test_an_at_file_may_carry_options():
    assert lines("reduce", "@darks.lis", "@flat.par") == [
        "reduce", "d1.fits", "d2.fits", "d3.fits", "-p", "addDQ:user_bpm=N1_bpm.fits", "--suffix", "_test",
    ]  # fmt: skip


def test_at_files_nest():
    assert lines("dataselect", "@nested.lis") == ["dataselect", "d1.fits", "d2.fits", "d3.fits", "d4.fits"]


def test_the_same_at_file_twice_is_no_cycle():
    assert lines("showd", "@twice.lis").count("d1.fits") == 2


def test_an_at_file_that_includes_itself_is_refused_with_the_way_it_went():
    with pytest.raises(UsageProblem, match=r"a\.lis -> b\.lis -> a\.lis"):
        lines("reduce", "@a.lis")


def test_a_missing_at_file_is_refused_in_the_words_of_the_system():
    with pytest.raises(UsageProblem) as problem:
        lines("reduce", "@nosuch.lis")
    assert str(problem.value.message) == "[Errno 2] No such file or directory: 'nosuch.lis'"
    assert problem.value.exit_code == 2


def test_a_fits_file_given_as_an_at_file_is_refused(tmp_path):
    binary = tmp_path / "x.fits"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match="not text"):
        normalise(["reduce", f"@{binary}"])


def test_names_with_blanks_are_one_argument_where_there_is_such_a_file(tmp_path):
    night = tmp_path / "a night"
    night.mkdir()
    (night / "N 1.fits").touch()
    (tmp_path / "x.lis").write_text(f"\ufeff{night / 'N 1.fits'}\r\n\r\n  {night / 'N 1.fits'}  # twice\n-p b=1 c=2\n")
    told = normalise(["reduce", f"@{tmp_path / 'x.lis'}"])
    assert told == ["reduce", *[str(night / "N 1.fits")] * 2, "-p", "b=1", "-p", "c=2"]


def test_commands_without_at_files_leave_the_sign_alone():
    assert lines("showpars", "@darks.lis", "addDQ") == ["showpars", "@darks.lis", "addDQ"]


def test_a_comment_sign_within_a_token_is_part_of_it():
    assert words("x3.fits#nope y.fits #z\n#w\n  # v") == ["x3.fits#nope", "y.fits"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("-p a=1 b=2", "-p a=1 -p b=2"),
        ("--param a=1 b=2 -r x", "--param a=1 --param b=2 -r x"),
        ("--par a=1 b=2", "--param a=1 --param b=2"),
        ("--param=a=1 b=2", "--param=a=1 --param b=2"),
        ("-pa=1 b=2", "-pa=1 -p b=2"),
        ("a.fits -p b=1 c.fits", "a.fits -p b=1 c.fits"),
        ("-p b=1 c.fits d=2", "-p b=1 c.fits d=2"),
        ("-p x.fits a=1", "x.fits a=1"),
        ("-p nosign", "-p nosign"),
        ("-p", "-p"),
        ("-p --qa", "-p --mode=qa"),
        ("-p a=-1 b=2", "-p a=-1 -p b=2"),
        ("-p a=1 -- b=2", "-p a=1 -- b=2"),
        ("--user_cal bpm:b.fits mask:m.fits", "--user_cal bpm:b.fits --user_cal mask:m.fits"),
        ("--user-cal bpm:b.fits x.fits", "--user-cal bpm:b.fits x.fits"),
        ("--upload metrics calibs x.fits", "--upload metrics --upload calibs x.fits"),
        ("--upload metrics,calibs x.fits", "--upload metrics,calibs x.fits"),
        ("-r x.fits y.fits", "-r x.fits y.fits"),
    ],
)  # fmt: skip
def test_options_with_several_values_are_repeated_before_each(typed: str, expected: str):
    assert lines("reduce", *typed.split(), files=("x.fits",)) == ["reduce", *expected.split()]


def test_typewalk_takes_all_tags_up_to_the_next_option():
    assert lines("typewalk", "--tags", "DARK", "F2", "--xtags", "RAW", "-n") == [
        "typewalk", "--tags", "DARK", "--tags", "F2", "--xtags", "RAW", "-n",
    ]  # fmt: skip


@given(st.lists(st.text(st.characters(blacklist_characters="@", codec="utf-8"), max_size=8)))
def test_what_has_neither_lists_nor_several_values_stays_as_it_is(arguments: list[str]):
    argv = ["dataselect", *arguments]
    assert lines(*argv) == argv


@given(st.lists(st.sampled_from(["-p", "a=1", "x.fits", "--qa", "b=c=d", "--user_cal", "bpm:b.fits", "--"])))
def test_no_value_is_lost_or_moved(arguments: list[str]):
    def values(argv: list[str]) -> list[str]:
        return [token for token in argv if not token.startswith("-")]

    assert values(lines("reduce", *arguments, files=("x.fits",))) == values(["reduce", *arguments])


def test_long_options_may_be_cut_short_while_they_are_unmistakable():
    known = {"--recipe", "--param", "--profile", "--user_cal", "--user-cal", "--qa"}
    assert in_full(["--rec", "x", "--user", "a:b", "--p", "1", "--qa", "--rec=y", "--", "--rec"], known)[0:2] == [
        "--recipe",
        "x",
    ]
    assert in_full(["--p", "1"], known) == ["--p", "1"]
    assert in_full(["--rec=y", "--", "--rec"], known) == ["--recipe=y", "--", "--rec"]
    assert in_full(["--user", "a:b"], known)[0] in {"--user_cal", "--user-cal"}


def test_of_several_mode_flags_the_last_counts() -> None:
    assert normalise(["reduce", "a.fits", "--qa", "--ql"]) == ["reduce", "a.fits", "--mode=qa", "--mode=ql"]
    assert normalise(["showd", "--qa"]) == ["showd", "--qa"]
