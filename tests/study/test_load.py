"""Studies from files of others: what is read, and what is refused before it is."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from stores import SPEC, make_chunk

import assocmem_jax as am
from assocmem_jax.study._store import Store


@pytest.fixture(scope="module")
def data():
    return am.sweep({"d": am.DotProduct()}, d=[4, 8], n=[2, 4, 8], trials=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.nc"


def write(path, fill):
    with h5py.File(path, "w") as file:
        file.attrs["spec"] = "{}"
        fill(file)


def test_a_classic_file_is_read(data, path):
    """xarray#5839, h5netcdf#115: not every netCDF file is one of HDF5."""
    data.to_netcdf(path, engine="scipy")
    study = am.load_study(path)
    xr.testing.assert_identical(study, data)
    # Squares of loads need more than the 32 bits of the format.
    assert study["n"].dtype == np.int64
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="it is no netCDF file"):
        am.load_study(path)


def external(file):
    file.create_dataset("x", (4,), "f4", external=[(__file__, 0, 16)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(__file__, "x", (4,))
    file.create_virtual_dataset("x", layout)


def link(file):
    file["x"] = h5py.ExternalLink(__file__, "/x")


def deep_link(file):
    file.create_group("a").create_group("b")["x"] = h5py.ExternalLink(__file__, "/x")


def soft_link(file):
    file["x"] = h5py.SoftLink("/")


@pytest.mark.parametrize("fill", (external, virtual, link, deep_link, soft_link))
def test_what_leads_to_other_files_is_refused(fill, path):
    write(path, fill)
    with pytest.raises(ValueError, match="`.*x` is (in another file|a link, which)"):
        am.load_study(path)


def test_groups_that_hold_each_other_are_walked_once(path):
    def circle(file):
        file.create_group("a")["again"] = file["/"]

    write(path, circle)
    with pytest.raises(ValueError, match="no study|several studies"):
        am.load_study(path)


def test_what_a_file_declares_must_fit(path):
    write(path, lambda file: file.create_dataset("x", (2**40,), "f8", chunks=(2**16,)))
    assert path.stat().st_size < 10_000
    with pytest.raises(MemoryError, match="cannot read.*it takes 8.19e.03 GiB"):
        am.load_study(path)


def test_a_file_that_cannot_be_read_is_no_bad_study(data, path, monkeypatch):
    data.to_netcdf(path, engine="h5netcdf")

    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", denied)
        with pytest.raises(
            PermissionError, match=r"`load_study\(.*cannot read.*denied"
        ):
            am.load_study(path)
    os.mkfifo(path.with_name("pipe"))
    with pytest.raises(ValueError, match="it is no file, but a pipe"):
        am.load_study(path.with_name("pipe"))


def test_a_study_of_several_is_chosen(data, path):
    parts = {"one": data, "two": data.isel(d=[0])}
    xr.DataTree.from_dict(parts).to_netcdf(path, engine="h5netcdf")
    match = 'holds several studies: one, two. Choose one, such as `group="one"`'
    with pytest.raises(ValueError, match=match):
        am.load_study(path)
    assert am.load_study(path, group="two").identical(parts["two"])
    with pytest.raises(ValueError, match="no group 'tow'. Did you mean `two`"):
        am.load_study(path, group="tow")


def test_settings_and_result_must_be_of_one_study(folder, tmp_path):
    for name, spec in (("first", SPEC), ("other", {**SPEC, "repeats": 1})):
        Store(tmp_path / name, spec).finish(make_chunk())
    (folder / "study.nc").write_bytes((tmp_path / "other/study.nc").read_bytes())
    with pytest.raises(ValueError, match="study.nc` is of other settings than `.*spec"):
        am.load_study(folder)
    # By itself, it says what it is.
    spec = json.loads(am.load_study(folder / "study.nc").attrs["spec"])
    assert spec["repeats"] == 1
