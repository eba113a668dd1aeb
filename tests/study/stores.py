"""Stores under test: their settings, a chunk, and processes that share them."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr


SPEC = {
    "widths": [16, 32],
    "repeats": 16,
    "ensemble": "Gaussian()",
    "range": float("nan"),
}

PRELUDE = """
import pathlib, sys
import numpy as np, xarray as xr
from assocmem_jax.study._store import Store
folder = pathlib.Path(sys.argv[1])
spec = {"widths": 16}
def numbers(i):
    return xr.Dataset({"cosine": ("n", np.full(2000, i, np.float32))})
"""


def make_chunk():
    odd_nan = np.uint32(0x7FC00123).view(np.float32)
    cosine = np.array([[1, odd_nan, np.inf], [0.1, -0.0, -np.inf]], np.float32)
    return xr.Dataset(
        {
            "cosine": (("rule", "n"), cosine, {"units": "1"}),
            "seconds": ("rule", np.array([np.nan, 5e-324]), {"units": "seconds"}),
            "pairs": ("rule", np.array([1, 2**60])),
            "small": ("n", np.arange(3, dtype=np.int8)),
            "ran": ("rule", np.array([True, False])),
            "nothing": ((), "µ"),
        },
        {"rule": ["softmax", "ReLU"], "n": [1, 2, 3], "load": ("n", [0.1, 0.2, 0.3])},
        {"device": "cpu", "note": ""},
    )


def loaded(store, name):
    chunk = store.load(name)
    assert chunk is not None
    return chunk


def launch(code, *args):
    command = [sys.executable, "-c", PRELUDE + code, *map(str, args)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def outputs(processes):
    results = [process.communicate(timeout=60) for process in processes]
    assert all(process.returncode == 0 for process in processes), results
    return [out for out, _ in results]


def files(folder):
    return {x.relative_to(folder).as_posix() for x in folder.rglob("*") if x.is_file()}


def assert_set_aside(store, folder, reason, name="a"):
    content = (folder / f"chunks/{name}.nc").read_bytes()
    before = set(folder.glob("set-aside/*"))
    with pytest.warns(UserWarning, match=f"bad chunk.*{name}.nc.*{reason}.*again"):
        assert store.load(name) is None
    (aside,) = set(folder.glob("set-aside/*")) - before
    assert aside.read_bytes() == content
    assert not (folder / f"chunks/{name}.nc").exists()
    assert store.load(name) is None
