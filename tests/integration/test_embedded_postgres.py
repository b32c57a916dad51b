"""The embedded PostgreSQL: shared, restarted, and stopped, whoever runs it and however its users end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from nightcrew.shared.database import DatabaseSettings, open_database
from nightcrew.shared.database.embedded import EmbeddedServer, keeper
from nightcrew.shared.database.embedded.accounts import SERVER_ID
from nightcrew.shared.errors import ServiceError, SettingsError

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as another user")
NAMED, NAMELESS = 65534, 12345

# A user of the server in a process of its own: says who the server is, and stays until its input ends.
CLIENT = """
import json, os, sys
from pathlib import Path
from nightcrew.shared.database.embedded import EmbeddedServer, keeper
from nightcrew.shared.errors import NightcrewError
exec(sys.argv[2])
try:
    with EmbeddedServer(Path(sys.argv[1])) as server:
        server.create_database("nightcrew")
        pid = keeper.postmaster(server.directory).pid
        print(json.dumps({"pid": pid, "databases": server.databases()}), flush=True)
        sys.stdin.read()
except NightcrewError as error:
    print(json.dumps({"error": str(error), "kind": type(error).__name__}), flush=True)
"""


class Client:
    """A process that uses a server, until it is told to leave, or killed."""

    def __init__(self, directory: Path, *, prefix: Sequence[str] = (), first: str = "") -> None:
        command = [*prefix, sys.executable, "-c", CLIENT, str(directory), first]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")

    def says(self) -> dict[str, object]:
        assert self.process.stdout is not None
        said: dict[str, object] = json.loads(self.process.stdout.readline())
        return said

    def leave(self) -> None:
        self.process.communicate(timeout=60)


@contextmanager
def client(directory: Path, *, prefix: Sequence[str] = (), first: str = "") -> Iterator[Client]:
    """Run a client, which has left at the end."""
    one = Client(directory, prefix=prefix, first=first)
    try:
        yield one
    finally:
        if one.process.returncode is None:
            one.leave()


def has_stopped(directory: Path) -> bool:
    return keeper.is_free(directory / keeper.SERVER, wait=30)


def pid_of(directory: Path) -> int:
    running = keeper.postmaster(directory)
    assert running is not None
    return running.pid


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a server that has been made, at a path with blanks and quotes."""
    directory = tmp_path_factory.mktemp('a night\'s "data" in $HOME') / "postgres"
    with EmbeddedServer(directory) as server:
        server.create_database("nightcrew")
    return directory


@pytest.fixture(autouse=True)
def _nothing_runs_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "home" in request.fixturenames:
        assert has_stopped(request.getfixturevalue("home"))


def test_two_processes_share_a_server_and_the_last_one_stops_it(home: Path):
    with EmbeddedServer(home) as mine:
        with client(home) as other:
            assert other.says()["pid"] == pid_of(home)
        assert keeper.postmaster(home) is not None
        assert mine.databases() == ("nightcrew",)
        with client(home) as another:
            assert another.says()["pid"] == pid_of(home)
            mine.close()
            assert not keeper.is_free(home / keeper.SERVER)
    assert has_stopped(home)


def test_several_that_come_at_once_make_and_start_one_server(tmp_path: Path):
    with client(tmp_path) as one, client(tmp_path) as two, client(tmp_path) as three:
        assert len({each.says()["pid"] for each in (one, two, three)}) == 1
    assert has_stopped(tmp_path)


def test_logical_databases_are_made_listed_and_dropped(home: Path):
    with EmbeddedServer(home) as server:
        server.create_database('odd "name"')
        server.create_database('odd "name"')
        assert server.databases() == ("nightcrew", 'odd "name"')
        with open_database(server.url('odd "name"')) as database:
            server.drop_database('odd "name"')
            with pytest.raises(ServiceError, match="no such database"):
                database.check()
        server.drop_database('odd "name"')
        assert server.databases() == ("nightcrew",)


def test_a_killed_user_is_not_waited_for(home: Path):
    with client(home) as only:
        only.says()
        assert not keeper.is_free(home / keeper.SERVER)
        only.process.kill()
        assert has_stopped(home)


def test_without_its_keeper_the_server_stops_with_its_last_user_all_the_same(home: Path):
    with EmbeddedServer(home) as server:
        killed = False
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if keeper.__file__.encode() in command and os.fsencode(home) in command:
                os.kill(int(entry.name), signal.SIGKILL)
                killed = True
        assert killed
        assert keeper.is_free(home / keeper.KEEPER, wait=20)
        assert server.databases() == ("nightcrew",)
    assert keeper.is_free(home / keeper.SERVER)


def test_a_killed_server_is_started_again_with_all_that_was_committed(home: Path):
    with open_database(DatabaseSettings(database_url=None, database_url_file=None, data_dir=home.parent)) as database:
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE public.frames AS SELECT 77 AS n"))
        before = pid_of(home)
        os.kill(before, signal.SIGKILL)
        assert keeper.is_free(home / keeper.SERVER, wait=30)
        with database.begin() as connection:
            assert connection.execute(text("SELECT n FROM public.frames")).scalar_one() == 77
        assert pid_of(home) != before
    assert has_stopped(home)


def test_the_file_of_a_server_long_gone_does_not_mislead_by_its_number(home: Path):
    stale = home / keeper.DATA / "postmaster.pid"
    lock = home / "run" / f"{keeper.SOCKET_NAME}.lock"
    for path in (stale, lock):
        path.write_text(f"{os.getppid()}\n{home / keeper.DATA}\n1\n5432\n{home / 'run'}\n\n0\nready\n")
    with EmbeddedServer(home) as server:
        assert pid_of(home) != os.getppid()
        assert server.databases() == ("nightcrew",)


def test_a_server_may_linger_for_who_comes_next(home: Path):
    server = EmbeddedServer(home, linger=600)
    server.start()
    first = pid_of(home)
    server.close()
    assert not keeper.is_free(home / keeper.SERVER)
    with EmbeddedServer(home, linger=600):
        assert pid_of(home) == first
    with EmbeddedServer(home):
        assert pid_of(home) == first
    assert has_stopped(home)


def test_data_of_another_version_of_postgresql_are_refused_and_left_alone(tmp_path: Path):
    (tmp_path / keeper.DATA).mkdir()
    version = tmp_path / keeper.DATA / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(SettingsError, match="was made by PostgreSQL 16, here is 18; .*NIGHTCREW_DATA_DIR") as refused:
        EmbeddedServer(tmp_path).start()
    assert str(tmp_path / keeper.DATA) in str(refused.value)
    assert [path.name for path in (tmp_path / keeper.DATA).iterdir()] == ["PG_VERSION"]


def test_a_server_that_does_not_start_says_why_and_leaves_nothing_running(home: Path):
    settings = home / keeper.DATA / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text(before + "max_connections = none\n")
    try:
        with pytest.raises(ServiceError, match=r"does not start \(.*errors.*\); see server.log there") as failed:
            EmbeddedServer(home).start()
    finally:
        settings.write_text(before)
    assert "\n" not in str(failed.value)


def test_half_a_database_is_made_again(tmp_path: Path):
    with client(tmp_path, first="import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))") as poor:
        said = poor.says()
    assert said["kind"] == "ServiceError"
    assert "cannot be made (" in str(said["error"])
    assert not (tmp_path / keeper.DATA).exists()
    (tmp_path / f"{keeper.DATA}.new").mkdir()
    (tmp_path / f"{keeper.DATA}.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedServer(tmp_path) as server:
        assert server.databases() == ()
    assert not (tmp_path / f"{keeper.DATA}.new").exists()


def test_a_place_where_nothing_can_be_written_is_named():
    with pytest.raises(ServiceError, match="^/proc/nightcrew.*choose another directory with NIGHTCREW_DATA_DIR"):
        EmbeddedServer(Path("/proc/nightcrew/postgres")).start()


def test_a_server_that_was_not_started_has_no_address(tmp_path: Path):
    server = EmbeddedServer(tmp_path)
    with pytest.raises(ValueError, match="start the server first"):
        server.url("nightcrew")
    server.close()


@pytest.mark.parametrize("path", [f"{'d' * 120}/{'e' * 120}", "dark, bright/b"], ids=["long", "comma"])
def test_a_path_that_no_socket_can_have_is_no_hindrance(home: Path, tmp_path: Path, path: str):
    deep = tmp_path / path
    deep.parent.mkdir()
    if os.geteuid() == 0:
        subprocess.run(["cp", "-a", home, deep], check=True)
    else:
        shutil.copytree(home, deep)
    with EmbeddedServer(deep) as server:
        socket_dir = Path(str(server.url("nightcrew").query["host"]))
        assert len(str(socket_dir / keeper.SOCKET_NAME)) < 108
        assert socket_dir.stat().st_mode & 0o077 == 0
        assert server.databases() == ("nightcrew",)
    assert not socket_dir.exists()


def test_the_socket_is_closed_to_others_and_no_port_is_open(home: Path):
    with EmbeddedServer(home) as server, open_database(server.url("nightcrew")) as database:
        assert (home / "run").stat().st_mode & 0o077 == 0
        with database.connect() as connection:
            assert connection.execute(text("SHOW listen_addresses")).scalar_one() == ""


@AS_ROOT
def test_root_runs_the_server_as_nobody_it_knows_and_with_the_fewest_rights(home: Path):
    with EmbeddedServer(home):
        status = (Path("/proc") / str(pid_of(home)) / "status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == [str(SERVER_ID)] * 4
    assert facts["Groups"].strip() == ""
    rights = int(facts["CapEff"], 16)
    assert rights in {0, 1 << 1, 1 << 2}  # none, or to pass closed directories
    assert rights == int(facts["CapBnd"], 16)
    assert facts["NoNewPrivs"] == "1"


# What Docker leaves to root (https://docs.docker.com/engine/security/#linux-kernel-capabilities).
OF_A_CONTAINER = (
    "chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,"
    "+audit_write,+setfcap"
)


@AS_ROOT
def test_the_root_of_a_container_runs_the_server_too(home: Path):
    with client(home, prefix=["setpriv", f"--bounding-set=-all,+{OF_A_CONTAINER}", "--"]) as contained:
        assert contained.says().get("databases") == ["nightcrew"]


@AS_ROOT
def test_a_root_without_rights_is_told_which_it_lacks(home: Path):
    with client(home, prefix=["setpriv", "--bounding-set=-all,+dac_override,+setuid,+setgid,+kill", "--"]) as poor:
        said = poor.says()
    assert said["kind"] == "SettingsError"
    assert "root lacks CAP_CHOWN, CAP_SETPCAP to run it as somebody else; run nightcrew as a user" in str(said["error"])


def run_as(uid: int) -> list[str]:
    """Return what runs Python as another user, who may pass where this checkout or Python is closed to them."""
    pass_by = "-all,+dac_read_search"
    caps = [f"--inh-caps={pass_by}", f"--ambient-caps={pass_by}"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *caps, "--"]


@AS_ROOT
@pytest.mark.parametrize("uid", [NAMED, NAMELESS])
def test_any_user_has_a_server_which_root_may_use_too(uid: int, request: pytest.FixtureRequest):
    top = Path(tempfile.mkdtemp(prefix="nightcrew-test-", dir="/tmp"))
    request.addfinalizer(lambda: shutil.rmtree(top))
    os.chown(top, uid, uid)
    directory = top / "postgres"
    if uid == NAMELESS and subprocess.run([*run_as(uid), "unshare", "--user", "true"], check=False).returncode != 0:
        pytest.skip("this system lets no user make a user namespace: initdb of a user without a name not tried")
    with client(directory, prefix=run_as(uid)) as user:
        said = user.says()
        assert said.get("databases") == ["nightcrew"], said
        with EmbeddedServer(directory) as server:
            assert server.databases() == ("nightcrew",)
        assert (Path("/proc") / str(said["pid"])).stat().st_uid == uid
    assert has_stopped(directory)
    with EmbeddedServer(directory):
        assert (Path("/proc") / str(pid_of(directory))).stat().st_uid == uid
    assert {path.stat().st_uid for path in directory.iterdir()} == {uid}
    with client(directory, prefix=run_as(uid)) as user:
        assert user.says().get("databases") == ["nightcrew"]


@AS_ROOT
def test_the_directory_of_somebody_else_is_refused(tmp_path: Path):
    with client(tmp_path, prefix=run_as(NAMELESS)) as stranger:
        said = stranger.says()
    assert said["kind"] == "SettingsError"
    assert "belongs to user root; choose another with NIGHTCREW_DATA_DIR" in str(said["error"])
