"""Stores grow: what is there is taken, what lacks is computed, bits are the same."""

import json

import numpy as np
import pytest
import xarray as xr
from grown import GRID, RULES, assert_same, sweep

import assocmem_jax as am
from assocmem_jax.study import _plan
from assocmem_jax.study._cells import Cells, Disagreement
from assocmem_jax.study._extent import Extent, parsed
from assocmem_jax.study._ledger import Ledger
from assocmem_jax.study._settings import store_settings
from assocmem_jax.study._store import Store


@pytest.fixture
def computed(monkeypatch):
    """Cells that are computed, one entry each."""
    cells, keep = [], Ledger.keep

    def note(self, chunk, *numbers, **attrs):
        extent = self.extent(chunk)
        cells.extend(
            (extent.rule, tuple(extent.point.items()), extent.d, trial, level, n)
            for trial in range(extent.first, extent.first + extent.count)
            for level in extent.combinations
            for n in extent.loads
        )
        keep(self, chunk, *numbers, **attrs)

    monkeypatch.setattr(Ledger, "keep", note)
    return cells


# What is asked next of a store of `GRID`, and how many of its cells are new.
MORE = (
    ({"trials": 3}, 2),
    ({"n": [3, 8, 40]}, 2),
    ({"query_noise": [0.0, 0.2]}, 4),
    ({"query_noise": [0.2]}, 0),
    ({"rules": {**RULES, "hot": am.Softmax(9.0)}}, 4),
    ({"vary": {"beta": [1.0, 0.5]}}, 4),
    ({"vary": {"beta": [1.0]}}, 0),
    ({"trials": 1}, 0),
    ({"n": [40]}, 0),
    # All at once, and less of something.
    pytest.param(
        {
            "rules": {**RULES, "dot": am.DotProduct()},
            "d": [4, 5],
            "n": [8, 40],
            "trials": 3,
            "mask_fraction": [0.0, 0.5],
        },
        46,
        marks=pytest.mark.slow,
    ),
)


@pytest.mark.parametrize("changed, new", MORE)
def test_a_store_takes_more(tmp_path, computed, changed, new):
    sweep(tmp_path)
    before = set(computed)
    computed.clear()
    grown = sweep(tmp_path, **changed)
    assert len(set(computed)) == len(computed) and not before & set(computed)
    assert len(computed) == new
    assert_same(grown, sweep(**changed))
    computed.clear()
    assert_same(sweep(tmp_path), sweep())
    assert_same(sweep(tmp_path, **changed), grown)
    # By the study without a store, and by no other.
    assert len(computed) == len(before)


def test_the_file_of_a_store_is_the_study_of_all_that_was_asked(tmp_path):
    sweep(tmp_path, n=[3, 8], trials=1)
    sweep(tmp_path, n=[40], query_noise=[0.2, 0.0])
    whole = am.load_study(tmp_path)
    every = {"n": [3, 8, 40], "query_noise": [0.0, 0.2]}
    desired = sweep(**every)
    assert json.loads(whole.attrs["spec"]) == json.loads(desired.attrs["spec"])
    for name, data in whole.data_vars.items():
        there = data.notnull()
        assert int(there.sum()) == whole.attrs["done"] == 2 + 4
        xr.testing.assert_identical(data, desired[name].where(there))
    assert whole.attrs["cells"] == whole["cosine"].size == 12
    assert_same(sweep(tmp_path, **every), desired)
    assert_same(am.load_study(tmp_path), desired)


def test_a_part_of_an_unfinished_store_is_there(tmp_path, monkeypatch):
    """As if the process had been killed after some chunks."""
    keep, kept = Ledger.keep, []

    def stop(self, chunk, *numbers, **attrs):
        if len(kept) == 1:
            raise RuntimeError
        kept.append(chunk)
        keep(self, chunk, *numbers, **attrs)

    monkeypatch.setattr(_plan, "_CHUNK_WORK", 1.0)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(Ledger, "keep", stop)
        sweep(tmp_path)
    part = am.load_study(tmp_path)
    assert (part.attrs["done"], part.attrs["cells"]) == (2, 4)
    desired = sweep()
    there = part["cosine"].notnull()
    assert int(there.sum()) == 2
    xr.testing.assert_identical(part["cosine"], desired["cosine"].where(there))
    assert_same(sweep(tmp_path), desired)
    assert_same(am.load_study(tmp_path), desired)


def test_a_store_without_any_chunk_is_a_study_of_nothing(tmp_path):
    spec = am.study.Spec(RULES, **GRID)
    Store(tmp_path, store_settings(spec)).close()
    part = am.load_study(tmp_path)
    assert part.attrs["done"] == 0 and part["cosine"].isnull().all()
    assert part["cosine"].dims == sweep()["cosine"].dims


def test_a_damaged_chunk_counts_as_not_done(tmp_path):
    sweep(tmp_path)
    file = min(tmp_path.glob("chunks/*.nc"))
    file.write_bytes(file.read_bytes()[:-9])
    # It is no longer what the result was made of.
    (tmp_path / "study.nc").unlink()
    with pytest.warns(UserWarning, match="load_study.*bad chunk.*count as not done"):
        part = am.load_study(tmp_path)
    assert part.attrs["done"] == 0
    assert file.exists()


def test_critical_loads_are_those_of_all_rules(tmp_path):
    noisy = {"rules": {"pinv": am.Pseudoinverse()}, "n": [3]}
    sweep(tmp_path, **noisy)
    sweep(tmp_path, n=[3], d=[4, 5])
    loads = json.loads(am.load_study(tmp_path).attrs["critical_loads"])["loads"]
    assert loads == {"pinv": {"4": [4]}}


def test_fresh_and_missing_chunks_are_rectangles():
    spec = am.study.Spec(
        {"dot": am.DotProduct()}, [4], [2, 3, 5], 8, query_noise=[0.0, 0.1, 0.2]
    )
    cells = Cells(store_settings(spec))
    lacking = lambda rule, point, d: cells.missing(rule, {}, d)
    assert _plan.chunks(spec, 1024, lacking) == _plan.chunks(spec, 1024)
    generator = np.random.default_rng(0)
    cells.there[:] = generator.random(cells.there.shape) < 0.5
    cells.there[0, 0, 3:6] = cells.there[0, 0, 3]
    planned = _plan.chunks(spec, 1024, lacking)
    found = np.zeros((8, 3, 3), int)
    for chunk in planned:
        trials = slice(chunk.first, chunk.first + chunk.count)
        loads = [spec.num_pairs.index(n) for n in chunk.loads]
        found[(trials, *np.ix_(chunk.levels, loads))] += 1
    np.testing.assert_array_equal(found, lacking("dot", 0, 4))
    # Trials that lack the same are together.
    assert {chunk.count for chunk in planned if chunk.first == 3} == {3}


def extent(**changed):
    levels = {"query_noise": (0.0, 0.5), "mask_fraction": (0.1, 0.1)}
    whole = {
        "rule": "soft",
        "call": "Softmax()",
        "point": {"beta": 1.0},
        "d": 4,
        "first": 2,
        "count": 3,
        "levels": levels,
        "loads": (3, 5),
    }
    return Extent(**{**whole, **changed})


def test_extents_know_their_names_and_what_they_share():
    one = extent()
    assert Extent.of(json.loads(json.dumps(one.described()))) == one
    d, case, trials = parsed(one.name) or (None, "", None)
    assert (d, trials) == (4, range(2, 5)) and case in one.case
    shared = (
        {"first": 4, "count": 1},
        {"loads": (5, 7)},
        {"levels": {"query_noise": (0.5,), "mask_fraction": (0.1,)}},
        # The same number in 32 bits.
        {"point": {"beta": 1 + 1e-12}},
    )
    apart = (
        {"rule": "hard"},
        {"call": "Softmax2()"},
        {"point": {"beta": 2.0}},
        {"d": 5},
        {"first": 5},
        {"loads": (4,)},
        {"levels": {"query_noise": (0.5,), "mask_fraction": (0.2,)}},
    )
    for changed in shared:
        assert one.overlaps(extent(**changed)) and extent(**changed).overlaps(one)
    for changed in apart:
        assert not one.overlaps(extent(**changed))
        assert extent(**changed).name != one.name


def test_numbers_that_disagree_are_noticed():
    spec = am.study.Spec({"soft": am.Softmax()}, d=[4], n=[3, 5], trials=8)
    cells = Cells(store_settings(spec))
    levels = {name: (0.0,) for name in cells.levels}
    of = extent(call="Softmax(beta=1.0)", levels=levels)
    numbers = np.full((3, 1, 2, 2), np.nan, np.float32)
    cells.put(of, numbers, numbers)
    cells.put(of, numbers, numbers, check=True)
    other = numbers.copy()
    other[1, 0, 1, 0] = 1.0
    with pytest.raises(Disagreement, match="cosine of 'soft' at d = 4, among trials 2"):
        cells.put(of, other, numbers, check=True)
    with pytest.raises(Disagreement):
        cells.put(of, numbers, other, check=True)


@pytest.mark.parametrize("name", ("query_noise", "vary"))
def test_levels_that_are_one_number_in_a_kernel_are_refused(name):
    levels = [0.1, 0.1 + 1e-12]
    given = {"beta": levels} if name == "vary" else levels
    with pytest.raises(ValueError, match=f"{name}=.*must not repeat in 32 bits"):
        sweep(**{name: given})


def test_ensembles_and_dimensions_of_values_are_axes_that_grow(tmp_path):
    kinds = {"gaussian": am.patterns.Gaussian(), "sphere": am.patterns.Spherical()}
    one = {"dot": am.DotProduct()}
    settings = {"d": [4], "n": [2, 8], "trials": 2}
    first = {"gaussian": kinds["gaussian"]}
    am.sweep(one, **settings, ensemble=first, v=[3], store=tmp_path)
    grown = am.sweep(one, **settings, ensemble=kinds, v=[2, 3], store=tmp_path)
    alone = am.sweep(one, **settings, ensemble=kinds, v=[2, 3])
    xr.testing.assert_equal(grown, alone)
    assert am.load_study(tmp_path).attrs["done"] == grown.attrs["cells"] == 16
    other = {"gaussian": am.patterns.Bipolar()}
    with pytest.raises(ValueError, match="other settings .`ensemble`"):
        am.sweep(one, **settings, ensemble=other, v=[3], store=tmp_path)


def test_functions_of_d_are_known_at_the_dimensions_of_a_study_alone(tmp_path):
    one, noise = {"dot": am.DotProduct()}, lambda d: 1 / d
    settings = {"n": [4], "trials": 2, "store": tmp_path}
    am.sweep(one, d=[4], query_noise=noise, **settings)
    again = am.sweep(one, d=[4], query_noise=noise, **settings)
    assert again.attrs["done"] == 2
    with pytest.raises(ValueError, match="other settings .`functions of d`"):
        am.sweep(one, d=[4, 8], query_noise=noise, **settings)


def test_levels_as_text_grow_with_the_dimension(tmp_path):
    one = {"dot": am.DotProduct()}
    settings = {"n": [4], "trials": 2, "query_noise": [0.0, "1/d"]}
    am.sweep(one, d=[4], **settings, store=tmp_path)
    grown = am.sweep(one, d=[4, 8], **settings, store=tmp_path)
    xr.testing.assert_equal(grown, am.sweep(one, d=[4, 8], **settings))
    assert am.load_study(tmp_path).attrs["done"] == 8
