"""Stores of parts are joined into one, or refused for a reason."""

import numpy as np
import pytest
import xarray as xr
from grown import assert_same, sweep

import assocmem_jax as am
from assocmem_jax.study import merge_stores
from assocmem_jax.study._ledger import Ledger


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two stores that overlap, whose union is no grid."""
    folder = tmp_path_factory.mktemp("stores")
    one, two = folder / "one", folder / "two"
    sweep(one, n=[3, 8], trials=1)
    sweep(two, n=[8, 40], trials=2)
    return one, two


def files(folder):
    return {file.name: file.read_bytes() for file in folder.glob("chunks/*.nc")}


@pytest.mark.parametrize("order", (1, -1))
def test_stores_are_joined(stores, tmp_path, order):
    before = list(map(files, stores))
    merged = merge_stores(tmp_path / "out", *stores[::order])
    assert list(map(files, stores)) == before
    assert (merged.attrs["done"], merged.attrs["cells"]) == (5, 6)
    desired = sweep(n=[3, 8, 40])
    there = merged["cosine"].notnull()
    assert int(there.sum()) == 5
    for name, data in merged.data_vars.items():
        xr.testing.assert_identical(data, desired[name].where(there))
    xr.testing.assert_identical(am.load_study(tmp_path / "out"), merged)
    # The store goes on.
    assert_same(sweep(tmp_path / "out", n=[3, 8, 40]), desired)


def test_a_store_that_is_there_takes_part(stores, tmp_path, monkeypatch):
    sweep(tmp_path, n=[3])
    merged = merge_stores(tmp_path, *stores)
    assert merged.attrs["done"] == merged.attrs["cells"] == 6

    def nothing(*_, **__):
        raise AssertionError("computed what is there")

    monkeypatch.setattr(Ledger, "keep", nothing)
    sweep(tmp_path, n=[3, 8, 40])


def test_stores_that_disagree_on_a_cell_are_refused(stores, tmp_path, monkeypatch):
    keep = Ledger.keep

    def off(self, chunk, mean, std, **attrs):
        mean = mean.copy()
        mean[0, 0, -1, 0] = np.nextafter(mean[0, 0, -1, 0], np.float32(2))
        keep(self, chunk, mean, std, **attrs)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "keep", off)
        sweep(tmp_path / "off", n=[8], trials=1)
    match = (
        r"merge_stores\(stores=...\)` must agree in every bit, got other numbers for "
        "cosine of 'soft' at d = 4, among trials 0 to 1: those in `.*nc` are not"
    )
    with pytest.raises(ValueError, match=match):
        merge_stores(tmp_path / "out", *stores, tmp_path / "off")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "changed, said",
    (
        ({"seed": 4}, "`seed`: 3 there, 4 here"),
        ({"rules": {"soft": am.Softmax(2.0)}}, "beta=1.0.* there, .*beta=2.0.* here"),
    ),
)
def test_stores_of_other_studies_are_refused(stores, tmp_path, changed, said):
    sweep(tmp_path / "other", n=[8], **changed)
    with pytest.raises(ValueError, match=f"differ in their axes alone, got .*{said}"):
        merge_stores(tmp_path / "out", *stores, tmp_path / "other")
    with pytest.raises(ValueError, match="differ in their axes alone"):
        merge_stores(tmp_path / "other", *stores)
    assert not (tmp_path / "out").exists()


def test_a_damaged_chunk_is_left_out_or_replaced(stores, tmp_path):
    merge_stores(tmp_path / "one", *stores)
    for file in (tmp_path / "one/chunks").iterdir():
        file.write_bytes(file.read_bytes()[:-5])
    with pytest.warns(UserWarning, match="bad chunk.*count as not done"):
        merged = merge_stores(tmp_path / "one", stores[0])
    assert merged.attrs["done"] == 2
    # Where another store has it, it is whole again.
    with pytest.warns(UserWarning, match="bad chunk"):
        assert merge_stores(tmp_path / "one", *stores).attrs["done"] == 5
    assert merge_stores(tmp_path / "one", *stores).attrs["done"] == 5


def test_what_is_no_store_is_refused(stores, tmp_path):
    with pytest.raises(ValueError, match="must be folders of stores, got none"):
        merge_stores(tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="leads to no store, there is no"):
        merge_stores(tmp_path / "out", stores[0], tmp_path)
    with pytest.raises(TypeError, match="stores=...\\)` must be a folder"):
        merge_stores(tmp_path / "out", "")
    assert not (tmp_path / "out").exists()
