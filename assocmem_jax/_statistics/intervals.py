"""Means over trials, and how sure they are."""

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy import special

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.suggest import suggest
from ..metrics._table import METRICS


# NumPy turns the mean of a single cell into a scalar.
Cells: TypeAlias = Float[np.ndarray, "*cells"] | np.floating
Kind: TypeAlias = Literal["score", "share", "yes or no"]


_METHODS: dict[Kind, str] = {
    "score": "Student t",
    "share": "Wilson, with a design effect estimated from the trials",
    "yes or no": "Wilson",
}


class Band(NamedTuple):
    """Means over trials, cell by cell, and how sure they are.

    Attributes:
        mean: the means.
        low: the lower ends of their intervals, NaN for fewer than two trials.
        high: the upper ends.
        error: the standard errors of the means.
        factor: standard errors that an interval reaches to each side, skew aside:
            Student's quantile, or less where the error is known without the trials.
    """

    mean: Float[np.ndarray, "*cells"]
    low: Float[np.ndarray, "*cells"]
    high: Float[np.ndarray, "*cells"]
    error: Float[np.ndarray, "*cells"]
    factor: Float[np.ndarray, "*cells"]


def mean_interval(
    ds: xr.Dataset, metric: str, *, confidence: float = 0.95
) -> xr.Dataset:
    """The mean of a metric over the trials of a study, with a confidence interval.

    The trial is the unit. The queries of one trial share its keys, so their scores are
    correlated, and an interval that counts each query as an observation is too narrow.
    Scores get Student's interval of their means per trial.

    A share of queries, such as `recall`, gets Wilson's interval with the number of
    queries divided by a design effect: how many times the shares of the trials scatter
    more than those of independent queries would, with Student's quantile for what so
    few trials can tell of that, and at least as wide as for independent queries. In
    the middle of the range this is Student's interval, and near 0 and 1 it stays
    within them. Where all trials have the share 0, or 1, their scatter tells nothing.
    The design effect is then taken as the square root of the number of queries, halfway
    between independent queries and a trial of one mind: 8 trials of 512 queries without
    an error leave [0.979, 1]. For Gaussian keys it is 0.8 to 1.3, and near a plateau
    of the pseudoinverse of noisy queries up to 2.4. In simulations of independent
    queries and of design effects up to a few tens, intervals of 95 % held the share in
    92 to 100 % of cases, 88 % at worst where about one error was expected in all; in
    78 to 93 % where the errors of hundreds of queries were those of a few bad trials.

    A metric that is one yes or no per trial, such as `all_correct`, gets Wilson's
    interval over trials.

    Args:
        ds: a study with at least two trials. A trial that is NaN was not run. A trial
            has as many queries as the coordinate `asked` says, or else `n`. Without
            these, nothing is known of queries, and shares get Student's interval, but
            for shares that are 0 or 1 in all trials, which get Wilson's over trials.
        metric: one of its variables, such as `cosine`.
        confidence: of each interval by itself.

    Returns:
        A dataset over the axes of the metric but `trial`: `mean`, `low` and `high`.
        The ends are NaN where fewer than two trials were run, and Student's are not
        cut to the range of the metric.

    Raises:
        TypeError: if `ds` is no dataset.
        ValueError: if the study lacks the metric or has fewer than two trials, or the
            confidence is not between 0 and 1.

    References:
        Wilson (1927), doi:10.1080/01621459.1927.10502953.
        Korn & Graubard (1998), Survey Methodology 24, 193 (the design effect).
    """
    check_confidence("mean_interval", "confidence", confidence)
    scores = trial_scores("mean_interval", ds, metric).transpose(..., "trial")
    queries = np.nan
    if (known := num_queries(scores)) is not None:
        cells = drop_axes(scores, "trial")
        queries = known.broadcast_like(cells).transpose(*cells.dims)
    ends = band(scores.to_numpy(), metric, np.asarray(queries), float(confidence))
    long_name = ds[metric].attrs.get("long_name", metric)
    units = ds[metric].attrs.get("units", "1")
    variables = {}
    for name, what in (
        ("mean", "mean"),
        ("low", "lower end of the mean"),
        ("high", "upper end of the mean"),
    ):
        attrs = {"long_name": f"{what} over trials of the {long_name}", "units": units}
        variables[name] = (scores.dims[:-1], getattr(ends, name), attrs)
    return xr.Dataset(
        variables,
        drop_axes(scores, "trial").coords,
        attrs={
            "metric": metric,
            "confidence": float(confidence),
            "trials": scores.sizes["trial"],
            "method": _METHODS[kind_of(metric)],
        },
    )


def num_queries(scores: xr.DataArray) -> xr.DataArray | None:
    """Numbers of queries of one trial, cell by cell; `None` where nothing is known."""
    for name in ("asked", "n"):
        if name in scores.coords:
            return scores[name].astype(float)
    return None


def check_confidence(function: str, argument: str, confidence: float) -> None:
    """Raise unless `confidence` is strictly between 0 and 1."""
    if not 0 < confidence < 1:
        complaint = f"must be between 0 and 1, got {confidence}"
        raise ArgumentError(function, argument, complaint, "0.95 is usual.")


def check_dataset(function: str, argument: str, ds: Any) -> None:
    """Raise unless `ds` is a dataset: a variable of one does not say what it is of."""
    if not isinstance(ds, xr.Dataset):
        advice = "Pass the whole dataset, and the name of the metric beside it."
        if not isinstance(ds, xr.DataArray):
            advice = "Pass what `sweep` returned."
        complaint = f"must be an `xarray.Dataset`, got a {type(ds).__name__}"
        raise ArgumentTypeError(function, argument, complaint, advice)


def trial_scores(function: str, ds: xr.Dataset, metric: str) -> xr.DataArray:
    """A metric of a study in double precision, with an axis `trial` of at least two.

    Args:
        function: the function that the user called, for messages.
        ds: the study.
        metric: the name of the variable.

    Returns:
        The scores of the trials.

    Raises:
        TypeError: if `ds` is no dataset.
        ValueError: if the study lacks the metric or has fewer than two trials.
    """
    check_dataset(function, "ds", ds)
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


def band(
    samples: Float[np.ndarray, "*cells trial"],
    metric: str,
    queries: Float[np.ndarray, "*#cells"],
    confidence: float,
) -> Band:
    """Means over trials, and how sure they are, as `mean_interval` says.

    Args:
        samples: the scores of the trials; NaN where one was not run.
        metric: what they are scores of.
        queries: numbers of queries of one trial, NaN where unknown.
        confidence: of each interval by itself.
    """
    present = ~np.isnan(samples)
    count = present.sum(-1)
    several = np.where(count > 1, count, np.nan)
    # An infinite distance has no standard deviation: its interval becomes NaN. That of
    # numbers whose squares overflow is infinite.
    with np.errstate(invalid="ignore", over="ignore"):
        mean = np.where(present, samples, 0).sum(-1) / np.where(count, count, np.nan)
        squares = np.where(present, samples - mean[..., None], 0) ** 2
        variance = squares.sum(-1) / (several - 1)
    student = special.stdtrit(several - 1, (1 + confidence) / 2)
    normal = special.ndtri((1 + confidence) / 2)
    kind, error = kind_of(metric), np.sqrt(variance / several)
    half = student * error
    scores = (mean, mean - half, mean + half, error, student)
    if kind == "score":
        return Band(*map(np.asarray, scores))
    known = np.isfinite(queries) & (kind == "share")
    answers = several * np.where(known, queries, 1)
    # By the rule of succession: that no error was seen does not say that none is made.
    likely = (mean * answers + 1) / (answers + 2)
    least = np.sqrt(likely * (1 - likely) / answers)
    square = np.full(np.shape(mean), normal**2)
    if kind == "share":
        alike = (mean == 0) | (mean == 1)
        single = np.where(alike, 1, mean * (1 - mean))
        effect = np.where(alike, np.sqrt(answers / several), 0)
        least = least * np.sqrt(np.maximum(effect, 1))
        scattered = student**2 * variance * answers / (several * single)
        square = np.maximum(normal**2 * np.maximum(effect, 1), scattered)
        half = np.maximum(normal * least, half)
        error = np.maximum(least, error)
    else:
        half, error = student * least, least
    shares = (mean, *_wilson(mean, answers, square), error, half / error)
    bare = ~known & (kind == "share") & (mean != 0) & (mean != 1)
    return Band(*(np.where(bare, *pair) for pair in zip(scores, shares, strict=True)))


def _wilson(share: Cells, answers: Cells, square: Cells | float) -> tuple[Cells, Cells]:
    """Wilson's interval of a share of answers, by the square of a quantile."""
    shrink = 1 + square / answers
    center = (share + square / (2 * answers)) / shrink
    spread = share * (1 - share) / answers + square / (4 * answers**2)
    half = np.sqrt(square * spread) / shrink
    # Without rounding where all answers are alike.
    low = np.where(share == 0, 0 * center, center - half)
    return low, np.where(share == 1, 1 + 0 * center, center + half)


def kind_of(metric: str) -> Kind:
    """What the scores of a trial are, for their statistics."""
    # A metric of the caller's own is a score like any other.
    known = METRICS.get(metric)
    if known is None:
        return "score"
    return "yes or no" if known.follows else "share" if known.share else "score"
