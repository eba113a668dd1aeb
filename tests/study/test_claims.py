"""Claims: each chunk is one process's, until that process is dead or done."""

import json
import os
import subprocess
import sys
import time

import pytest

from assocmem_jax.study import _claims, _files
from assocmem_jax.study._claims import Claims, machine
from assocmem_jax.study._extent import Extent


def extent(first=0, count=4, loads=(3, 5), d=8):
    return Extent(
        "soft", "Softmax()", {"beta": 1.0}, d, first, count, {"noise": (0.0,)}, loads
    )


ONE, OTHER = extent(), extent(first=4)
OVERLAPPING = extent(first=2, loads=(5, 7))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "claims"


@pytest.fixture
def claims(folder):
    """Makes the claims of one more process, as it were."""
    made = []

    def make():
        made.append(Claims(folder))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert not list(folder.glob("*.claim"))


def take(claims, *extents):
    return claims.take({x.name: x for x in extents})


def test_a_cell_is_claimed_once(claims):
    one, two = claims(), claims()
    assert take(one, ONE) == [ONE.name]
    assert take(one, ONE) == [ONE.name]
    assert take(two, ONE, OTHER) == [OTHER.name]
    assert take(one, OTHER) == []
    one.release([ONE.name])
    assert take(two, ONE) == [ONE.name]


def test_cells_of_other_chunks_count(claims):
    one, two = claims(), claims()
    assert take(one, ONE) == [ONE.name]
    assert take(two, OVERLAPPING) == []
    assert take(two, extent(loads=(7,)), extent(d=9)) != []
    one.close()
    assert take(two, OVERLAPPING) == [OVERLAPPING.name]


def test_who_claims_the_same_cells_at_once_sees_the_other(claims, monkeypatch):
    """Between the look and the file of one process comes that of another."""
    one, two = claims(), claims()
    make = Claims._make

    def late(self, *claim):
        with monkeypatch.context() as patch:
            patch.setattr(Claims, "_make", make)
            assert take(two, OVERLAPPING) == [OVERLAPPING.name]
        make(self, *claim)

    with monkeypatch.context() as patch:
        patch.setattr(Claims, "_make", late)
        assert take(one, ONE) == []
    assert take(two, OVERLAPPING) == [OVERLAPPING.name]
    assert take(one, ONE) == []


def dead_pid():
    """The number of a process that was."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def write_claim(folder, age=0.0, content=None, number=0, **changed):
    folder.mkdir(exist_ok=True)
    said = {
        "machine": machine(),
        "host": "here",
        "pid": os.getpid(),
        "extent": ONE.described(),
        **changed,
    }
    file = folder / f"{ONE.name}.{number}.claim"
    file.write_bytes(json.dumps(said).encode() if content is None else content)
    beat = time.time() - age
    os.utime(file, (beat, beat))
    return file


def test_a_dead_process_of_this_machine_claims_nothing(folder, claims):
    file = write_claim(folder, pid=dead_pid())
    one, two = claims(), claims()
    assert take(one, ONE) == [ONE.name]
    assert not file.exists()
    assert take(two, ONE) == []


def test_a_silent_process_of_another_machine_is_taken_over(folder, claims):
    file = write_claim(folder, machine="elsewhere", pid=1)
    one = claims()
    assert take(one, ONE) == []
    write_claim(folder, machine="elsewhere", pid=1, age=_claims._STALE + 5)
    assert take(one, ONE) == [ONE.name]
    assert not file.exists()


def test_who_leaves_removes_the_claims_of_the_dead(folder):
    dead, live = write_claim(folder, pid=dead_pid()), write_claim(folder, number=1)
    Claims(folder).close()
    assert not dead.exists() and live.exists()


@pytest.mark.parametrize(
    "content", (b"", b"{", b"[1]", b"\xff", b'{"pid": "x"}', b"{}", b"7")
)
def test_a_damaged_claim_counts_while_it_is_young(folder, claims, content):
    file = write_claim(folder, content=content)
    one = claims()
    # It may be about any cell of the chunk of its name.
    assert take(one, ONE, OTHER) == [OTHER.name]
    os.utime(file, (0, 0))
    assert take(one, ONE) == [ONE.name]
    assert not file.exists()


def test_of_many_that_take_over_one_gets_it(folder, claims):
    write_claim(folder, pid=dead_pid(), number=3)
    many = [claims() for _ in range(5)]
    # All of them have seen that it is dead before the first takes over.
    looks = [one.others() for one in many]
    for one, look in zip(many, looks, strict=True):
        seen, others = iter([look]), one.others
        one.others = lambda seen=seen, others=others: next(seen, None) or others()
    taken = [take(one, ONE) for one in many]
    assert taken == [[ONE.name], [], [], [], []]
    assert [x.name for x in folder.glob("*.claim")] == [f"{ONE.name}.4.claim"]


def test_a_process_gives_signs_of_life(folder, claims, monkeypatch):
    monkeypatch.setattr(_claims, "_BEAT", 0.01)
    take(claims(), ONE)
    (file,) = folder.glob("*.claim")
    os.utime(file, (0, 0))
    until = time.monotonic() + 20
    while not file.stat().st_mtime:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_where_there_are_no_links_claims_are_made_all_the_same(claims, monkeypatch):
    def linkless(*_):
        raise OSError("no links here")

    monkeypatch.setattr(_files.os, "link", linkless)
    one, two = claims(), claims()
    assert (take(one, ONE), take(two, ONE)) == ([ONE.name], [])


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no list of processes")
def test_what_has_ended_does_not_run():
    """Also before its parent has asked how."""
    assert _claims._is_running(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not _claims._is_running(child.pid)
    child.wait()
    assert not _claims._is_running(child.pid)
