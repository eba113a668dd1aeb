"""Studies made of arrays, and how often intervals must hold the truth."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from helpers import slow
from scipy import stats


LOADS = np.array([4, 8, 16, 32, 64])
# Coverage in simulated studies of 400 each, 2000 slowly: at least 95 %, in standard
# errors. It is above that where loads are distant, as what is between them counts.
FEW, MANY = 400, slow(2000)


def as_dataset(samples, metric="cosine", n: Sequence | np.ndarray = LOADS):
    """A study with one cell per rule from an array over rules, trials and loads."""
    samples = np.asarray(samples, float)
    rules = [f"rule {i}" for i in range(len(samples))]
    return xr.Dataset(
        {metric: (("rule", "trial", "n"), samples)}, {"rule": rules, "n": n}
    )


def repeat(curve, trials=5):
    return [np.tile(np.asarray(curve, float), (trials, 1))]


def assert_covers(found, truth, least=0.95, at_most=1.0):
    covered = (found["low"] <= truth) & (found["high"] >= truth)
    error = np.sqrt(0.95 * 0.05 / covered.size)
    assert least - 4 * error < float(covered.mean()) <= at_most, covered.mean()


def shares(n, right, shape, spread, rng):
    """Shares of nested queries, whose trials differ."""
    at = stats.norm.ppf(right) * np.sqrt(1 + spread**2)
    shape = (*shape, int(max(n)))
    drawn = rng.normal(size=shape) + spread * rng.normal(size=(*shape[:-1], 1))
    columns = [(drawn[..., :k] < x).mean(-1) for k, x in zip(n, at, strict=True)]
    return np.stack(columns, axis=-1)
