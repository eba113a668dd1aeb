"""Paths and files of callers: the user's home, files without end, and large ones."""

import os

import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._base import files as _files
from assocmem_jax._base.files import check_fits, read_file, to_path
from assocmem_jax._base.memory import memory_limit


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_home_of_the_user_is_meant_wherever_a_path_is_taken(home, monkeypatch):
    monkeypatch.chdir(home)
    np.save("keys.npy", np.ones((4, 2), np.float32))
    assert to_path("f", "x", "~/a") == home / "a"
    assert am.patterns.Samples.load("~/keys.npy").keys.shape == (4, 2)
    data = am.sweep({"d": am.DotProduct()}, d=[2], n=[2], store="~/x")
    assert (home / "x" / "study.nc").exists() and not (home / "~").exists()
    assert am.load_study("~/x").identical(data)


@pytest.mark.parametrize("path", (3, None, b"x", "", "a\0b"))
def test_what_is_no_path_is_refused(path):
    match = r"`f\(x=...\)` must be a folder, got .*Pass its path"
    with pytest.raises(TypeError, match=match):
        to_path("f", "x", path, "folder")
    if not isinstance(path, str):
        return
    calls = (
        ("load_study", lambda: am.load_study(path)),
        ("Samples.load", lambda: am.patterns.Samples.load(path)),
        ("sweep", lambda: am.sweep({"d": am.DotProduct()}, d=[2], n=[2], store=path)),
    )
    for function, call in calls:
        with pytest.raises(TypeError, match=rf"{function}\(.* must be a f.*, got "):
            call()


def test_a_home_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="home that is not known, got '~no_such_user/"):
        am.load_study("~no_such_user/x")


def test_what_has_no_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a directory")):
        with pytest.raises(ValueError, match=f"it is no file, but {kind}"):
            read_file(path)
    with pytest.raises(ValueError, match="it is no file, but a device"):
        read_file(type(tmp_path)("/dev/zero"))


def test_what_does_not_fit_into_memory_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "memory_limit", lambda: 2**21)
    check_fits(2**20)
    (tmp_path / "x").write_bytes(bytes(2**20 + 1))
    match = "takes 0.000977 GiB, and half of the memory is 0.000977 GiB"
    with pytest.raises(MemoryError, match=match):
        read_file(tmp_path / "x")


@pytest.mark.parametrize(
    "groups, limits, expected",
    (
        # The limit of a job is above the group that the process is in.
        (
            "0::/job/step",
            {"job/memory.max": "1048576", "job/step/memory.max": "max"},
            1,
        ),
        ("0::/job", {"unified/job/memory.max": "2097152"}, 2),
        ("4:cpu:/\n3:memory:/a", {"memory/a/memory.limit_in_bytes": "3145728"}, 3),
        # In a container the path is that of the machine, and the files are its own.
        ("3:memory:/docker/1f", {"memory/memory.limit_in_bytes": "4194304"}, 4),
        ("0::/../job", {"memory.max": "5242880"}, 5),
        ("0::/other", {"job/memory.max": "1048576"}, None),
        ("no such line", {}, None),
        (None, {}, None),
    ),
)
def test_a_limit_of_a_group_counts(groups, limits, expected, tmp_path):
    if groups is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(f"{groups}\n")
    for name, limit in limits.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory_limit(tmp_path) == (whole if expected is None else expected * 2**20)
