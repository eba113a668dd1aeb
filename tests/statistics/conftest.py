"""A study that several files look at."""

import numpy as np
import pytest
import xarray as xr


@pytest.fixture
def study(rng):
    """A study over all kinds of axes."""
    d, n, beta = np.array([8, 16]), np.array([2, 4, 8, 16, 32, 64]), [0.5, 2.0]
    mean = np.sqrt(d[:, None] / (d[:, None] + n))[None, :, :, None, None]
    noise = 0.02 * rng.normal(size=(2, 2, 6, 2, 9))
    dims = ("rule", "d", "n", "beta", "trial")
    coords = {"rule": ["softmax", "ReLU"], "d": d, "n": n, "beta": beta}
    cosine = mean * np.array([1, 0.9])[:, None, None, None, None] + noise
    return xr.Dataset({"cosine": (dims, cosine)}, coords)
