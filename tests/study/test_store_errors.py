"""What cannot be read is no damage: stores stop, and set nothing aside."""

import errno
import os
from pathlib import Path

import pytest
from stores import SPEC, files, loaded, make_chunk

from assocmem_jax.study import _netcdf
from assocmem_jax.study._store import Store


KINDS = ("EACCES", "EMFILE", "ENFILE", "EIO", "ESTALE", "ENOMEM", "EINTR")


def failing(error):
    def read(self):
        raise error

    return read


@pytest.mark.parametrize("name", KINDS)
def test_an_error_of_the_system_sets_no_chunk_aside(store, folder, name, monkeypatch):
    number = getattr(errno, name)
    error = OSError(number, os.strerror(number))
    store.finish(make_chunk())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", failing(error))
        for read in (lambda: store.load("a"), store.result):
            with pytest.raises(
                type(error), match="cannot read .*chunks are kept.*readab"
            ) as info:
                read()
            assert info.value.errno == number
        for fresh in (
            lambda: Store(folder, SPEC),
            lambda: store.save("b", make_chunk()),
        ):
            with pytest.raises(type(error), match="cannot read .*spec.json"):
                fresh()
    assert files(folder) == {"spec.json", "study.nc", "chunks/a.nc"}
    assert loaded(store, "a").identical(make_chunk())


def test_a_lack_of_memory_sets_no_chunk_aside(store, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", failing(MemoryError()))
        with pytest.raises(MemoryError, match="cannot read .*a.nc`: no memory"):
            store.load("a")
    for error in (MemoryError(), ImportError("no h5netcdf"), OSError("can't allocate")):
        with monkeypatch.context() as patch:
            patch.setattr(_netcdf.xr, "load_dataset", raising(error))
            with pytest.raises((MemoryError, ValueError), match="though it is whole"):
                store.load("a")
    assert files(folder) == {"spec.json", "chunks/a.nc"}


def raising(error):
    def load(*args, **options):
        raise error

    return load


def test_a_pipe_in_place_of_a_chunk_is_set_aside(store, folder):
    os.mkfifo(folder / "chunks/b.nc")
    with pytest.warns(UserWarning, match="bad chunk.*it is no file, but a pipe"):
        assert store.load("b") is None
    os.mkfifo(folder / "study.nc")
    assert store.result() is None
    store.finish(make_chunk())
    assert store.result() is not None
