"""Means over trials, and how sure they are."""

import functools
from typing import TypeAlias

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy import stats

from .._base.errors import ArgumentError
from .._base.suggest import suggest
from ..metrics._table import METRICS


# NumPy turns the mean of a single cell into a scalar.
Means: TypeAlias = Float[np.ndarray, "*cells"] | np.floating


def mean_interval(
    ds: xr.Dataset, metric: str, *, confidence: float = 0.95
) -> xr.Dataset:
    """The mean of a metric over the trials of a study, with a confidence interval.

    The trial is the unit. The queries of one trial share its keys, so their scores are
    correlated, and an interval that counts each query as an observation is too narrow.
    Therefore a proportion such as `recall`, too, gets Student's interval of its means
    per trial, not Wilson's over queries. A metric that is one yes or no per trial, such
    as `all_correct`, gets Wilson's interval over trials. So does a proportion that is
    0, or 1, in all trials, which do not scatter then, and yet say no more than that
    many can.

    Args:
        ds: a study with at least two trials. A trial that is NaN was not run.
        metric: one of its variables, such as `cosine`.
        confidence: of each interval by itself.

    Returns:
        A dataset over the axes of the metric but `trial`: `mean`, `low` and `high`.
        The ends are NaN where fewer than two trials were run, and Student's are not
        cut to the range of the metric.

    Raises:
        ValueError: if the study lacks the metric or has fewer than two trials, or the
            confidence is not between 0 and 1.

    References:
        Wilson (1927), doi:10.1080/01621459.1927.10502953.
    """
    check_confidence("mean_interval", "confidence", confidence)
    scores = trial_scores("mean_interval", ds, metric).transpose(..., "trial")
    # A metric of the caller's own is a mean like any other.
    known = METRICS.get(metric)
    samples, wilson = scores.to_numpy(), known is not None and known.follows is not None
    ends = (_wilson if wilson else _student)(samples, float(confidence))
    if known is not None and known.share:
        alike = (ends[0] == 0) | (ends[0] == 1)
        whole = _wilson(np.where(alike[..., None], samples, np.nan), float(confidence))
        ends = [np.where(alike, x, end) for x, end in zip(whole, ends, strict=True)]
    long_name = ds[metric].attrs.get("long_name", metric)
    units = ds[metric].attrs.get("units", "1")
    variables = {}
    for name, end, what in zip(
        ("mean", "low", "high"),
        ends,
        ("mean", "lower end of the mean", "upper end of the mean"),
        strict=True,
    ):
        attrs = {"long_name": f"{what} over trials of the {long_name}", "units": units}
        variables[name] = (scores.dims[:-1], end, attrs)
    return xr.Dataset(
        variables,
        drop_axes(scores, "trial").coords,
        attrs={
            "metric": metric,
            "confidence": float(confidence),
            "trials": scores.sizes["trial"],
            "method": "Wilson" if wilson else "Student t",
        },
    )


def check_confidence(function: str, argument: str, confidence: float) -> None:
    """Raise unless `confidence` is strictly between 0 and 1."""
    if not 0 < confidence < 1:
        complaint = f"must be between 0 and 1, got {confidence}"
        raise ArgumentError(function, argument, complaint, "0.95 is usual.")


def trial_scores(function: str, ds: xr.Dataset, metric: str) -> xr.DataArray:
    """A metric of a study in double precision, with an axis `trial` of at least two.

    Args:
        function: the function that the user called, for messages.
        ds: the study.
        metric: the name of the variable.

    Returns:
        The scores of the trials.

    Raises:
        ValueError: if the study lacks the metric or has fewer than two trials.
    """
    known = [str(name) for name in ds.data_vars if not str(name).endswith("_std")]
    if metric not in known:
        complaint = f"must be a metric of the study, got {metric!r}"
        raise ArgumentError(function, "metric", complaint, suggest(metric, known))
    trials = ds[metric].sizes.get("trial", 1)
    if trials < 2:
        raise ArgumentError(
            function,
            "ds",
            f"needs at least 2 trials to tell how sure a mean is, got {trials}",
            "Run the study with `trials=2` or more.",
        )
    return ds[metric].astype(np.float64)


def drop_axes(scores: xr.DataArray, *axes: str) -> xr.DataArray:
    """The first entry along the axes, without the coordinates that depend on them."""
    gone = [name for name, x in scores.coords.items() if set(axes) & set(x.dims)]
    return scores.drop_vars(gone).isel(dict.fromkeys(axes, 0))


def _student(
    samples: Float[np.ndarray, "*cells trial"], confidence: float
) -> tuple[Means, Means, Means]:
    present = ~np.isnan(samples)
    count = present.sum(-1)
    # An infinite distance has no standard deviation: its interval becomes NaN. That of
    # numbers whose squares overflow is infinite.
    with np.errstate(invalid="ignore", over="ignore"):
        mean = np.where(present, samples, 0).sum(-1) / np.where(count, count, np.nan)
        squares = np.where(present, samples - mean[..., None], 0) ** 2
        freedom = np.where(count > 1, count - 1, np.nan)
        error = np.sqrt(squares.sum(-1) / freedom / np.maximum(count, 1))
    half = stats.t.ppf((1 + confidence) / 2, freedom) * error
    return mean, mean - half, mean + half


def _wilson(
    samples: Float[np.ndarray, "*cells trial"], confidence: float
) -> tuple[Means, Means, Means]:
    count = (~np.isnan(samples)).sum(-1)
    successes = np.nansum(samples, -1)
    interval = np.vectorize(_wilson_ends, otypes=[float, float])
    low, high = interval(successes, count, confidence)
    return successes / np.where(count, count, np.nan), low, high


@functools.lru_cache(maxsize=4096)
def _wilson_ends(successes, trials, confidence) -> tuple[float, float]:
    if trials < 2:
        return np.nan, np.nan
    test = stats.binomtest(int(successes), int(trials))
    ends = test.proportion_ci(confidence, method="wilson")
    return float(ends.low), float(ends.high)
