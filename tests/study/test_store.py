"""Chunks of stores: bit for bit as saved, or set aside."""

import os
import random

import pytest
import xarray as xr
from stores import SPEC, assert_set_aside, files, loaded, make_chunk

from assocmem_jax.study._store import Store


def test_a_chunk_comes_back_bit_for_bit(store):
    chunk = make_chunk()
    assert store.load("a") is None
    store.save("a", chunk)
    back = store.load("a")
    assert back.identical(chunk)
    for name, variable in chunk.variables.items():
        assert back[name].dtype == variable.dtype
        assert back[name].values.tobytes() == variable.values.tobytes()
        assert not back[name].encoding
    store.save("b", back)
    assert store.load("b").identical(chunk)


def test_a_file_is_plain_netcdf(folder):
    path = folder / "chunks/a.nc"
    with xr.open_dataset(path, engine="h5netcdf", decode_timedelta=False) as chunk:
        assert chunk.drop_attrs().equals(make_chunk().drop_attrs())
        assert set(chunk.attrs) >= {"store_study", "store_chunk"}


def test_chunks_outlive_the_store(folder):
    again = Store(folder, {**SPEC})
    assert loaded(again, "a").identical(make_chunk())
    assert files(folder) == {"spec.json", "chunks/a.nc"}


def test_the_last_write_of_a_chunk_counts(store, folder):
    store.save("a", make_chunk().isel(n=[0]))
    assert store.load("a").sizes["n"] == 1
    assert files(folder) == {"spec.json", "chunks/a.nc"}


@pytest.mark.parametrize("name", ("", "a/b", "../a", "a\\b"))
def test_a_name_is_one_part_of_a_path(store, name):
    with pytest.raises(ValueError, match="must be part of a file name, got"):
        store.save(name, make_chunk())
    with pytest.raises(ValueError, match="must be part of a file name, got"):
        store.load(name)


@pytest.mark.parametrize("fraction", (0.0, 0.01, 0.3, 0.9, 0.999, -1))
def test_a_truncated_chunk_is_set_aside(store, folder, fraction):
    path = folder / "chunks/a.nc"
    data = path.read_bytes()
    stop = -1 if fraction < 0 else int(fraction * len(data))
    path.write_bytes(data[:stop])
    assert_set_aside(store, folder, "cut short")


def test_a_flipped_bit_anywhere_is_noticed(store, folder):
    path = folder / "chunks/a.nc"
    data = path.read_bytes()
    generator = random.Random(0)
    for i in [0, len(data) - 1, *generator.sample(range(len(data)), 100)]:
        damaged = bytearray(data)
        damaged[i] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        assert_set_aside(store, folder, "damaged")
    assert len(list(folder.glob("set-aside/*"))) == 102


@pytest.mark.parametrize("content", (b"", b"not a chunk\n", b"\x89HDF\r\n\x1a\n"))
def test_a_file_of_others_is_set_aside(store, folder, content):
    (folder / "chunks/a.nc").write_bytes(content)
    assert_set_aside(store, folder, "not written by a store")


def test_a_netcdf_file_of_others_is_set_aside(store, folder):
    make_chunk().to_netcdf(folder / "chunks/a.nc", engine="h5netcdf")
    assert_set_aside(store, folder, "not written by a store")


def test_a_folder_in_place_of_a_chunk_is_set_aside(store, folder):
    (folder / "chunks/b.nc").mkdir()
    with pytest.warns(UserWarning, match="bad chunk.*irectory"):
        assert store.load("b") is None


def test_a_chunk_of_another_study_is_set_aside(store, folder, tmp_path):
    other = Store(tmp_path / "other", {**SPEC, "repeats": 32})
    other.save("a", make_chunk())
    os.replace(tmp_path / "other/chunks/a.nc", folder / "chunks/a.nc")
    assert_set_aside(store, folder, "other settings")


def test_a_renamed_chunk_is_set_aside(store, folder):
    os.rename(folder / "chunks/a.nc", folder / "chunks/b.nc")
    assert_set_aside(store, folder, "another chunk", name="b")


def test_a_bad_chunk_that_another_process_moved_is_no_error(store, folder, monkeypatch):
    path = folder / "chunks/a.nc"
    path.write_bytes(b"")
    read = type(path).read_bytes

    def moved(self):
        data = read(self)
        if self == path:
            path.unlink()
        return data

    monkeypatch.setattr(type(path), "read_bytes", moved)
    assert store.load("a") is None
