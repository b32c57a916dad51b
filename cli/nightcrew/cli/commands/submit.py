"""`nightcrew submit`: let the suite reduce files with a recipe."""

from __future__ import annotations

from typing import Annotated

import typer

from nightcrew.cli.options import ConfigFile, Debug, Profile, ProfileOption, SuiteDatabase
from nightcrew.cli.reduction_options import (
    Certify,
    Files,
    Mode,
    ModeOption,
    Param,
    Qa,
    Ql,
    Recipe,
    Suffix,
    UserCal,
    named_files,
)


def submit(
    files: Files = None,
    recipe: Recipe = None,
    param: Param = None,
    user_cal: UserCal = None,
    mode: ModeOption = Mode.SCIENCE,
    qa: Qa = False,  # noqa: ARG001
    ql: Ql = False,  # noqa: ARG001
    suffix: Suffix = None,
    profile: ProfileOption = Profile.STANDARD,
    certify: Certify = True,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job; end as `reduce` would.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the job as JSON.")] = False,
    config: ConfigFile = None,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Let the suite do what `nightcrew reduce` would do with these files, and print the number of the job.

    Recipe, parameters and files are checked now; calibrations are chosen now, as `reduce` does. The reducers must see
    the files under the same paths. Products go to the suite's directory. A master that comes of it is judged and given
    out as those that the suite makes by itself, unless you say --no-certify. `reduce --submit` does the same.
    """
    named = named_files(files, config)
    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.cli.reducing import Job
    from nightcrew.cli.suite.handing_in import hand_in

    with Databases.configured(config) as databases:
        job = Job.from_options(
            named, recipe, param or (), user_cal or (), mode.value, suffix, None, None, profile.value, databases
        )
        raise typer.Exit(hand_in(job, "submit", database, wait=wait, as_json=as_json, certify=certify))
