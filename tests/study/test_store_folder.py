"""Folders of stores: settings, disks that fill up, processes that share or die."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from stores import (
    SPEC,
    files,
    launch,
    loaded,
    make_chunk,
    outputs,
)

from assocmem_jax.study import load_study
from assocmem_jax.study._store import Store


def test_other_settings_are_refused(folder):
    other = {"widths": [16, 64], "repeats": 16, "range": float("nan"), "seed": 1}
    with pytest.raises(ValueError) as info:
        Store(folder, other)
    assert str(info.value) == (
        f"`study.run(store='{folder}')` holds a study with other settings (`widths`: "
        '[16, 32] there, [16, 64] here; `ensemble`: "Gaussian()" there, absent here; '
        "`seed`: absent there, 1 here). Use another folder or the same settings."
    )
    assert files(folder) == {"spec.json", "chunks/a.nc"}


def test_long_settings_are_shortened_around_what_differs(tmp_path):
    loads = list(range(1000))
    Store(tmp_path, {"widths": loads}).save("a", make_chunk())
    with pytest.raises(ValueError, match="498, 5000, .* here") as info:
        Store(tmp_path, {"widths": loads[:499] + [5000] + loads[500:]})
    assert "498, 499, 500" in str(info.value)
    assert len(str(info.value)) < 350


@pytest.mark.parametrize("content", (b"", b'{"d": 1', b"\xff\xfe", b"[1]"))
def test_unreadable_settings_are_refused_and_kept(folder, content):
    (folder / "spec.json").write_bytes(content)
    with pytest.raises(ValueError, match="spec.json` cannot be read.*Restore that"):
        Store(folder, SPEC)
    assert (folder / "spec.json").read_bytes() == content


def test_a_study_without_chunks_gives_way(tmp_path):
    Store(tmp_path, {"widths": [4, 50000]})
    store = Store(tmp_path, {"widths": [4, 500]})
    store.save("a", make_chunk())
    with pytest.raises(ValueError, match="other settings"):
        Store(tmp_path, {"widths": [4, 50000]})


def test_a_finished_study_does_not(tmp_path):
    Store(tmp_path, {"widths": [4]}).finish(make_chunk())
    with pytest.raises(ValueError, match="other settings"):
        Store(tmp_path, {"widths": [5]})


def test_files_of_others_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".hidden").write_text("mine")
    Store(tmp_path, SPEC)
    assert files(tmp_path) == {"notes.txt", ".hidden", "spec.json"}


def test_only_old_remains_of_killed_processes_are_removed(folder):
    remains = [
        place / f".assocmem-tmp-1-{age}"
        for place in (folder, folder / "chunks")
        for age in ("old", "new")
    ]
    for path in remains:
        path.write_bytes(b"half a chu")
        if path.name.endswith("old"):
            os.utime(path, (0, time.time() - 4000))
    again = Store(folder, SPEC)
    assert [path.exists() for path in remains] == [False, True, False, True]
    assert loaded(again, "a").identical(make_chunk())


def full_disk(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("function", ("fsync", "replace"))
def test_a_full_disk_is_explained_and_costs_nothing(
    store, folder, monkeypatch, function
):
    with monkeypatch.context() as patch:
        patch.setattr(os, function, full_disk)
        for write in (
            lambda: store.save("a", make_chunk().isel(n=[0])),
            lambda: store.save("b", make_chunk()),
            lambda: store.finish(make_chunk()),
            lambda: Store(folder / "new", SPEC),
        ):
            with pytest.raises(OSError, match="No space left.*chunks are kept") as info:
                write()
            assert info.value.errno == errno.ENOSPC
            assert str(info.value).startswith(f"`study.run(store='{folder}")
    assert files(folder) == {"spec.json", "chunks/a.nc"}
    assert store.load("a").identical(make_chunk())


def test_a_write_that_the_system_cuts_short_leaves_no_file(tmp_path):
    pytest.importorskip("resource")
    code = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(folder, spec)
store.save("small", numbers(1).isel(n=[0]))
resource.setrlimit(resource.RLIMIT_FSIZE, (12000, 12000))
try:
    store.save("large", numbers(2).pad(n=(0, 10000)))
except OSError as error:
    print(error.errno, error)
"""
    (out,) = outputs([launch(code, tmp_path)])
    assert out.startswith(f"{errno.EFBIG} `study.run(store='{tmp_path}')` cannot")
    assert files(tmp_path) == {"spec.json", "chunks/small.nc"}


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small file system")
def test_a_disk_that_fills_up_keeps_every_finished_chunk(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting is not permitted")
    try:
        store = Store(tmp_path, SPEC)
        saved = []
        with pytest.raises(OSError, match="No space left") as info:
            for i in range(100):
                store.save(str(i), make_chunk())
                saved.append(f"chunks/{i}.nc")
        assert info.value.errno == errno.ENOSPC
        assert saved
        assert files(tmp_path) == {"spec.json", *saved}
        assert all(store.load(str(i)) is not None for i in range(len(saved)))
        # What was saved stays readable, and the next start says that the disk is full.
        filler = tmp_path / "filler"
        with pytest.raises(OSError), open(filler, "wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        with pytest.raises(OSError, match="No space left"):
            Store(tmp_path, SPEC)
        filler.unlink()
        assert loaded(Store(tmp_path, SPEC), "0").identical(make_chunk())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        NotADirectoryError, match=r"`study.run\(.*cannot write.*another"
    ):
        Store(tmp_path / "file" / "below", SPEC)
    (tmp_path / "chunks").write_text("")
    with pytest.raises(FileExistsError, match=r"`study.run\(.*cannot write.*another"):
        Store(tmp_path, SPEC)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_without_permission_is_refused(folder):
    (folder / "chunks").chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="cannot write") as info:
            Store(folder, SPEC)
        assert info.value.errno == errno.EACCES
    finally:
        (folder / "chunks").chmod(0o700)


def test_a_finished_study_loads_from_its_folder_or_file(store, folder):
    assert store.finish(make_chunk()) == folder / "study.nc"
    for path in (folder, str(folder), folder / "study.nc"):
        dataset = load_study(path)
        assert json.loads(dataset.attrs.pop("spec"))["repeats"] == 16
        assert dataset.identical(make_chunk())
    # The file is closed: it can be replaced, and removed on any system.
    store.finish(make_chunk().assign_attrs(spec="its own"))
    assert load_study(folder).attrs["spec"] == "its own"


def test_a_study_that_the_user_wrote_loads(store, folder, tmp_path):
    store.finish(make_chunk())
    study = load_study(folder)
    study.to_netcdf(tmp_path / "copy.nc", engine="h5netcdf")
    assert load_study(tmp_path / "copy.nc").identical(study)


def test_what_is_no_study_is_named(store, folder, tmp_path):
    for missing in (tmp_path / "nowhere", tmp_path, tmp_path / "nowhere.nc"):
        with pytest.raises(
            FileNotFoundError, match="`load_study.*leads to no.*Pass the"
        ):
            load_study(missing)
    make_chunk().to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="other.nc`: it has no attribute `spec`"):
        load_study(tmp_path / "other.nc")
    (tmp_path / "text.nc").write_text("text")
    with pytest.raises(ValueError, match="text.nc`: it is no netCDF file"):
        load_study(tmp_path / "text.nc")


def test_a_damaged_study_is_refused(store, folder):
    path = store.finish(make_chunk())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="no study in.*writes its `study.nc` again"):
        load_study(folder)
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="damaged"):
        load_study(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks the killed processes")
@pytest.mark.slow
def test_a_killed_process_leaves_whole_chunks_only(tmp_path):
    # A process says that it has saved, and is killed a moment later: in the midst of
    # the next files, however slow the machine is.
    code = """
import os
Store(folder, spec)
# Loaded here once, not by every child.
from assocmem_jax.study import _netcdf
_netcdf.h5netcdf.File, _netcdf.h5py.File, _netcdf.xr.backends
for kill in sys.stdin:
    child = os.fork()
    if not child:
        store = Store(folder, spec)
        print(os.getpid(), flush=True)
        for i in range(10**6):
            store.save(str(i % 7), numbers(i % 7))
            print(i, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
    generator = random.Random(0)
    with launch(code, tmp_path) as parent:
        assert parent.stdin and parent.stdout
        for _ in range(20):
            print("kill", file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            saved = [
                int(parent.stdout.readline()) for _ in range(generator.randrange(8))
            ]
            time.sleep(generator.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
            while (line := parent.stdout.readline()) != "gone\n":
                saved.append(int(line))
            store = Store(tmp_path, {"widths": 16})
            names = {path.stem for path in tmp_path.glob("chunks/*.nc")}
            assert names >= {str(i % 7) for i in saved}
            for name in names:
                assert (loaded(store, name)["cosine"].values == int(name)).all()
        parent.stdin.close()
    assert not (tmp_path / "set-aside").exists()


def test_processes_share_a_store(tmp_path):
    code = """
store = Store(folder, spec)
for i in range(50):
    store.save(str(i), numbers(i))
    assert store.load(str(i)) is not None
"""
    outputs([launch(code, tmp_path) for _ in range(2)])
    expected = {f"chunks/{i}.nc" for i in range(50)}
    assert files(tmp_path) == {"spec.json", *expected}
    store = Store(tmp_path, {"widths": 16})
    for i in range(50):
        assert (loaded(store, str(i))["cosine"].values == i).all()


@pytest.mark.slow
def test_processes_make_a_store_at_once(tmp_path):
    code = """
print("ready", flush=True)
sys.stdin.readline()
for i in range(8):
    Store(folder / str(i), spec).save(sys.argv[2], numbers(i))
"""
    processes = [launch(code, tmp_path, k) for k in range(4)]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs(processes)
    for i in range(8):
        chunks = {f"chunks/{k}.nc" for k in range(4)}
        assert files(tmp_path / str(i)) == {"spec.json", *chunks}
