from __future__ import annotations

import os
from pathlib import Path

import pytest

from nightcrew.reducer.worker.limits import (
    GIB,
    Share,
    memory_limit,
    oom_kills,
    processor_limit,
    resident,
    share_of,
)
from nightcrew.shared.messages import JobClass


@pytest.fixture
def system(tmp_path):
    """Pretend a /proc and a /sys/fs/cgroup with files of so much text."""

    def make(files: dict[str, str]) -> tuple[Path, Path]:
        for name, content in {"proc/meminfo": "MemTotal: 16777216 kB\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path / "cgroup", tmp_path / "proc"

    return make


def test_the_memory_of_a_reducer_is_the_tightest_limit_of_the_groups_around_it(system):
    where = system(
        {
            "proc/self/cgroup": "0::/pod/reducer\n",
            "cgroup/pod/reducer/memory.max": "max\n",
            "cgroup/pod/memory.max": f"{4 * GIB}\n",
            "cgroup/memory.max": f"{8 * GIB}\n",
        }
    )
    assert memory_limit(*where) == 4 * GIB


def test_a_container_that_sees_its_own_group_as_the_root_has_its_limit(system):
    where = system({"proc/self/cgroup": "0::/docker/not-visible-here\n", "cgroup/memory.max": f"{2 * GIB}\n"})
    assert memory_limit(*where) == 2 * GIB


def test_groups_of_version_1_are_read_too(system):
    where = system(
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/a\n",
            "cgroup/memory/a/memory.limit_in_bytes": f"{3 * GIB}\n",
            "cgroup/memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            "cgroup/cpu/a/cpu.cfs_quota_us": "50000\n",
            "cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
        }
    )
    assert memory_limit(*where) == 3 * GIB
    assert oom_kills(*where) == 2
    assert processor_limit(*where) == 1


def test_without_groups_the_machine_is_the_limit(system):
    where = system({})
    assert memory_limit(*where) == 16 * GIB
    assert processor_limit(*where) == len(os.sched_getaffinity(0))
    assert oom_kills(*where) == 0


@pytest.mark.parametrize(("text", "most"), [("150000 100000\n", 2), ("10000 100000\n", 1), ("max 100000\n", 4096)])
def test_a_quota_of_processor_time_rounds_up_to_processors(text, most, system):
    where = system({"proc/self/cgroup": "0::/\n", "cgroup/cpu.max": text})
    assert processor_limit(*where) == min(most, len(os.sched_getaffinity(0)))


def test_kills_for_want_of_memory_are_counted(system):
    where = system({"proc/self/cgroup": "0::/\n", "cgroup/memory.events": "low 0\noom 3\noom_kill 3\n"})
    assert oom_kills(*where) == 3


def test_quick_looks_get_one_thread_and_large_jobs_all_memory():
    assert share_of(JobClass.REALTIME, 1, 64 * GIB, 16) == Share(2 * GIB, 1)
    assert share_of(JobClass.LARGE, 1, 64 * GIB, 16) == Share(int(64 * GIB * 0.9), 16)
    assert share_of(JobClass.SCIENCE, 4, 10 * GIB, 2) == Share(int(10 * GIB * 0.9) // 4, 1)
    assert share_of(JobClass.SCIENCE, 1, 64 * GIB, 4).budget == 4 * GIB


def test_this_process_has_a_size_and_one_that_is_not_there_has_none():
    assert resident(os.getpid()) > 10_000_000
    assert resident(2**30) == 0
