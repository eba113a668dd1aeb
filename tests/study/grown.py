"""Studies that grow, under test: what is asked, and what must come out."""

import xarray as xr

import assocmem_jax as am
from assocmem_jax.study._execute import _PROVENANCE


RULES = {"soft": am.Softmax()}
GRID = {"d": [4], "n": [3, 40], "trials": 2, "query_noise": 0.2, "seed": 3}


def sweep(store=None, **changed):
    return am.sweep(store=store, **{"rules": RULES, **GRID, **changed})


def plain(data):
    """A study without the attributes that say where it was computed."""
    kept = {name: x for name, x in data.attrs.items() if name not in _PROVENANCE}
    return data.drop_attrs(deep=False).assign_attrs(kept)


def assert_same(data, desired):
    xr.testing.assert_identical(plain(data), plain(desired))
