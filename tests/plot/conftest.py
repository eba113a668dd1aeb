import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from figures import RULES, TRIALS, D, N


@pytest.fixture(autouse=True)
def closed_figures_and_kept_style():
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    plt.close("all")


@pytest.fixture
def dataset(rng):
    """A study of three rules, with luck that the rules of a trial share."""
    d, n = np.meshgrid(D, N, indexing="ij")
    mean = np.stack([np.minimum(1, (d / n) ** a) for a in (0.5, 1.0, 0.4)])[..., None]
    luck = 0.1 * rng.standard_normal((1, len(D), len(N), TRIALS))
    own = 0.001 * rng.standard_normal((len(RULES), len(D), len(N), TRIALS))
    dims = ("rule", "d", "n", "trial")
    cosine = mean + luck + own
    return xr.Dataset(
        {
            "cosine": (dims, cosine, {"long_name": "cosine", "units": "1"}),
            "cosine_std": (dims, np.full_like(cosine, 0.1)),
            "all_correct": (dims, (cosine > 0.5).astype(float)),
            "energy": (dims, cosine, {"long_name": "energy", "units": "kT"}),
        },
        {"rule": RULES, "d": D, "n": N},
    )


@pytest.fixture
def capacities():
    """One censored point on each side, one end at zero, one at infinity."""
    nan, inf = np.nan, np.inf
    dims = ("rule", "d")
    return xr.Dataset(
        {
            "capacity": (dims, [[16.0, 32.0, 128.0], [nan, 40.0, nan]]),
            "low": (dims, [[15.0, 0.0, 100.0], [nan, 30.0, nan]]),
            "high": (dims, [[17.0, 40.0, inf], [nan, 50.0, nan]]),
            "bracket_low": (dims, [[4.0, 24.0, 64.0], [0.0, 24.0, 1024.0]]),
            "bracket_high": (dims, [[16.0, 64.0, 1024.0], [4.0, 64.0, inf]]),
            "censored": (dims, [["no", "no", "no"], ["below", "no", "above"]]),
        },
        {"rule": RULES[:2], "d": D},
        {"metric": "cosine", "threshold": 0.9},
    )


@pytest.fixture
def fit():
    columns = {
        "exponent": [1.004, np.nan],
        "exponent_low": [0.98, np.nan],
        "exponent_high": [1.02, np.nan],
        "constant": [0.97, np.nan],
    }
    variables: dict = {name: ("rule", column) for name, column in columns.items()}
    variables["weight"] = (("rule", "law"), np.full((2, 3), 1 / 3))
    return xr.Dataset(variables, {"rule": RULES[:2]})
