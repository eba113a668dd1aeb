"""What the study behind a figure was asked for."""

import json
from typing import Any

import numpy as np
import xarray as xr

from .._spec.described import loads_at


def described(dataset: xr.Dataset | xr.DataArray) -> dict[str, Any]:
    """What a dataset says of its study; nothing if it says nothing."""
    try:
        spec = json.loads(dataset.attrs["spec"])
    except (KeyError, TypeError, json.JSONDecodeError):
        return {}
    return spec if isinstance(spec, dict) else {}


def grows(study: dict[str, Any]) -> bool:
    """Whether each dimension has numbers of pairs of its own: multiples of d."""
    return any(isinstance(size, str) for size in study.get("n", ()))


def own_loads(one: xr.DataArray, study: dict[str, Any], d: Any) -> np.ndarray:
    """Where a column over n has cells, measured or missing, for all we know.

    Args:
        one: the column.
        study: what its dataset says of the study.
        d: its dimension, or `None` where it is not known.
    """
    whole = np.ones(one.sizes["n"], bool)
    if d is None or not grows(study):
        return whole
    own = np.isin(one["n"].values, loads_at(study, int(d))) | one.notnull().values
    return own if own.any() else whole
