"""Samples from files: headers are read before data."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from assocmem_jax import patterns


HEADER = {"descr": "<f4", "fortran_order": False, "shape": (2**36, 4)}
KEYS = np.arange(8, dtype=np.float32).reshape(4, 2)


def test_a_file_that_declares_more_than_memory_is_refused(tmp_path):
    path = tmp_path / "keys.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, HEADER)
    packed = tmp_path / "keys.npz"
    with zipfile.ZipFile(packed, "w") as file:
        file.write(path, "keys.npy")
    for name in (path, packed):
        with pytest.raises(MemoryError, match="cannot read .*takes 1.02e.03 GiB"):
            patterns.Samples.load(name)


def test_what_is_not_needed_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    np.savez(path, keys=KEYS, unused=KEYS)
    monkeypatch.setattr(np.lib.format, "read_array", None)
    with pytest.raises(ValueError, match="'.*x.npz' holds `keys`, `unused`"):
        patterns.Samples.load(path)


def test_arrays_come_back(tmp_path):
    values = np.asfortranarray(KEYS[:, ::-1]).astype(">f8")
    np.savez_compressed(tmp_path / "x.npz", keys=KEYS, values=values)
    np.save(tmp_path / "x.npy", KEYS)
    held = patterns.Samples.load(tmp_path / "x.npz")
    np.testing.assert_array_equal(held.keys, KEYS)
    np.testing.assert_array_equal(held.values, values)
    np.testing.assert_array_equal(patterns.Samples.load(tmp_path / "x.npy").keys, KEYS)


@pytest.mark.parametrize("name", ("x.npy", "x.npz"))
def test_every_flipped_bit_is_an_error_or_an_array(tmp_path, name, rng):
    path = tmp_path / name
    np.savez_compressed(path, keys=KEYS) if name == "x.npz" else np.save(path, KEYS)
    data = path.read_bytes()
    for _ in range(60):
        broken = bytearray(data)
        broken[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(broken)
        try:
            assert patterns.Samples.load(path).keys.ndim == 2
        # Of an archive, a place that is not there may be looked for.
        except (ValueError, TypeError, MemoryError, OSError) as error:
            assert str(error).startswith("`Samples")


def test_a_file_that_cannot_be_read_is_no_bad_file(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    np.save(path, KEYS)

    def denied(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(PermissionError, match=r"`Samples.load\(.*cannot read.*denied"):
        patterns.Samples.load(path)
