"""Locks tell who uses the embedded server; the keeper stops what nobody uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nightcrew.shared.database.embedded import keeper


def test_a_lock_of_ones_own_keeps_others_out_until_it_is_closed(tmp_path: Path):
    path = tmp_path / "lock"
    mine = keeper.take(path)
    assert mine is not None
    assert keeper.take(path) is None
    assert keeper.take(path, shared=True, wait=0.03) is None
    assert not keeper.is_free(path)
    os.close(mine)
    assert keeper.is_free(path)


def test_those_who_share_a_lock_keep_out_only_who_wants_it_alone(tmp_path: Path):
    path = tmp_path / "lock"
    first, second = keeper.take(path, shared=True), keeper.take(path, shared=True)
    assert first is not None
    assert second is not None
    assert keeper.is_free(path)
    assert keeper.take(path) is None
    os.close(first)
    os.close(second)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path):
    path = tmp_path / "lock"
    code = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", code, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert not keeper.is_free(path)
        holder.kill()
        assert keeper.is_free(path, wait=20)


def test_a_lock_is_no_way_to_somebody_elses_file(tmp_path: Path):
    (tmp_path / "precious").touch()
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        keeper.take(tmp_path / "lock")


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_lock_that_cannot_be_made_leaves_no_file_open(tmp_path: Path):
    before = open_files()
    with pytest.raises(FileNotFoundError):
        keeper.take(tmp_path / "nowhere" / "lock")
    assert open_files() == before


def write_pid_file(directory: Path, pid: int, socket_dir: Path, lines: int = 8) -> None:
    (directory / keeper.DATA).mkdir(exist_ok=True)
    text = f"{pid}\n{directory / keeper.DATA}\n1\n5432\n{socket_dir}\n\n0\nready   \n".splitlines()[:lines]
    (directory / keeper.DATA / "postmaster.pid").write_text("\n".join(text) + "\n")


def test_a_pid_file_that_is_being_written_says_nothing_yet(tmp_path: Path):
    assert keeper.postmaster(tmp_path) is None
    write_pid_file(tmp_path, 77, tmp_path / "run", lines=5)
    assert keeper.postmaster(tmp_path) is None
    write_pid_file(tmp_path, 77, tmp_path / "run")
    assert keeper.postmaster(tmp_path) == keeper.Postmaster(77, tmp_path / "run", ready=True)


def test_nobody_answers_where_no_server_is(tmp_path: Path):
    assert not keeper.answers(keeper.Postmaster(77, tmp_path, ready=True))


def test_what_a_dead_server_left_is_removed_and_no_live_process_harmed(tmp_path: Path):
    socket_dir = tmp_path / f"{keeper.SOCKET_PREFIX}abc"
    socket_dir.mkdir()
    (socket_dir / keeper.SOCKET_NAME).touch()
    write_pid_file(tmp_path, os.getpid(), socket_dir)
    keeper.stop(tmp_path)  # nobody holds the server's lock: this process is not it
    keeper.tidy(tmp_path)
    assert not socket_dir.exists()
    assert keeper.postmaster(tmp_path) is None
    keeper.tidy(tmp_path)


def test_a_server_that_does_not_stop_when_asked_is_stopped_harder(tmp_path: Path):
    code = (
        "import fcntl, signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-I", "-S", "-c", code, tmp_path / keeper.SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        write_pid_file(tmp_path, stubborn.pid, tmp_path / "run")
        keeper.stop(tmp_path, fast=0.05, immediate=20)
        assert stubborn.wait(20) == -signal.SIGQUIT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_no_process_of_another_user_is_stopped_whatever_the_file_says(tmp_path: Path):
    server = keeper.take(tmp_path / keeper.SERVER)
    assert server is not None
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]) as bystander:
        write_pid_file(tmp_path, bystander.pid, tmp_path / "run")
        os.chown(tmp_path / keeper.DATA, 12345, 12345)
        keeper.stop(tmp_path, fast=0.05, immediate=0.05)
        assert bystander.poll() is None
        bystander.kill()
    os.close(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_directory_that_became_somebody_elses_is_left_alone(tmp_path: Path):
    socket_dir = tmp_path / f"{keeper.SOCKET_PREFIX}abc"
    socket_dir.mkdir()
    (socket_dir / keeper.SOCKET_NAME).touch()
    write_pid_file(tmp_path, 77, socket_dir)
    os.chown(socket_dir, 12345, 12345)
    keeper.tidy(tmp_path)
    assert (socket_dir / keeper.SOCKET_NAME).exists()


def test_the_keeper_waits_until_the_last_user_has_left_and_lingers(tmp_path: Path):
    server = keeper.take(tmp_path / keeper.SERVER)
    assert server is not None
    users = [keeper.take(tmp_path / keeper.CLIENTS, shared=True) for _ in range(2)]
    for user, linger in zip(users, (10_000, 0.05), strict=True):
        assert user is not None
        keeper.wish(user, linger)
    held: list[int] = []
    waiting = threading.Thread(target=lambda: held.append(keeper.keep(tmp_path)))
    waiting.start()
    for user in users:
        waiting.join(0.05)
        assert not held
        assert user is not None
        os.close(user)
    waiting.join(20)
    assert len(held) == 1
    assert not keeper.is_free(tmp_path / keeper.CLIENTS)
    os.close(held[0])
    os.close(server)


def test_the_keeper_of_a_server_that_is_gone_does_not_linger(tmp_path: Path):
    user = keeper.take(tmp_path / keeper.CLIENTS, shared=True)
    assert user is not None
    keeper.wish(user, 10_000)
    os.close(user)
    os.close(keeper.keep(tmp_path))


def test_a_keeper_that_ends_lets_go_of_its_own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    lock = keeper.take(tmp_path / keeper.KEEPER)
    keeper.main(str(tmp_path), str(lock))
    assert keeper.is_free(tmp_path / keeper.KEEPER)
    assert keeper.is_free(tmp_path / keeper.CLIENTS)
