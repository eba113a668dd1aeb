"""Scaling laws: how the capacity grows with the dimension."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy import optimize, special

from .._base.errors import ArgumentError
from .intervals import check_confidence, drop_axes


# Relative error of a capacity below which no interval is believed.
_LEAST_ERROR = 1e-3
_LEAST_POINTS = 3
# From so many points on, errors may have a trend.
_LEAST_TREND = 4
_NEEDED = ("capacity", "low", "high", "censored", "trials")


class _Law(NamedTuple):
    """The law log n* = log C + offset(d), plus a parameter times slope(d)."""

    offset: Callable[[np.ndarray], np.ndarray] = np.zeros_like
    slope: Callable[[np.ndarray], np.ndarray] | None = None


_LAWS = {
    "d/log d": _Law(lambda d: np.log(d) - np.log(np.log(d))),
    "d": _Law(np.log),
    "d log d": _Law(lambda d: np.log(d) + np.log(np.log(d))),
    "d^2/log d": _Law(lambda d: 2 * np.log(d) - np.log(np.log(d))),
    "d^2": _Law(lambda d: 2 * np.log(d)),
    "d^3": _Law(lambda d: 3 * np.log(d)),
    "power": _Law(slope=np.log),
    "exponential": _Law(slope=lambda d: d),
}
_LONG_NAMES = {
    "exponent": "exponent a of the capacity C d^a",
    "exponent_low": "lower end of the confidence interval of the exponent",
    "exponent_high": "upper end of the confidence interval of the exponent",
    "constant": "constant C of the capacity C d^a",
    "constant_low": "lower end of the confidence interval of the constant",
    "constant_high": "upper end of the confidence interval of the constant",
    "points": "number of dimensions used",
    "left_out": "number of dimensions left out",
    "aic": "Akaike's information criterion",
    "weight": "Akaike weight",
    "law_constant": "constant C of the law",
    "law_parameter": "second parameter of the law",
    "law": "law of the capacity",
}


class _Points(NamedTuple):
    """What one cell is fitted to.

    Attributes:
        d: dimensions.
        height: log n*.
        variance: squares of the standard errors of log n*, moderated.
        freedom: degrees of freedom of each variance.
        total: degrees of freedom of all of them together.
    """

    d: Float[np.ndarray, " points"]
    height: Float[np.ndarray, " points"]
    variance: Float[np.ndarray, " points"]
    freedom: Float[np.ndarray, " points"]
    total: float


class _Line(NamedTuple):
    """A weighted least-squares fit.

    Attributes:
        coefficients: the constant, and the slope if there is one.
        errors: their standard errors.
        freedom: degrees of freedom of each error.
        chi2: the weighted sum of squared residuals.
    """

    coefficients: Float[np.ndarray, " k"]
    errors: Float[np.ndarray, " k"]
    freedom: Float[np.ndarray, " k"]
    chi2: float


def fit_scaling(cap: xr.Dataset, *, confidence: float = 0.95) -> xr.Dataset:
    r"""Fit $n^* = C d^a$ to capacities, and compare it with other laws.

    The fit is linear, log n* = log C + a log d, by least squares with weights
    1 / se^2. The standard error of log n* is `log_error`; where that is not known, half
    the width of the interval of the capacity on the log scale, divided by the quantile
    of Student's t for the number of trials, and at least 0.001, so that no point of
    zero width takes all the weight. Where one end of the interval is open, the other
    half counts for both. Capacities that are censored, or without an error, are left
    out.

    An error from few trials is itself uncertain, and least squares would trust those
    most that are too small by chance. So each is moderated: drawn towards the common
    trend of the errors with d, the more the fewer trials there were and the closer all
    errors are to that trend. The interval takes Student's quantile with the degrees of
    freedom that the moderated errors have together (Satterthwaite).

    Where the points scatter more than their errors allow, because the law does not hold
    exactly, by chi2 / dof above 1, the interval is at least as wide as that scatter
    says, with Student's quantile for the points beyond two. In simulations with 3 to 7
    dimensions of errors alike, unlike, or falling as d^-1/2, intervals of 95 % held the
    exponent in 94 to 98 % of cases from 2 trials on, and in 93 to 96 % where the errors
    were stated 2 or 5 times too small.

    The laws are compared by AIC = 2 k + p log(s^2) + chi2 / s^2 for p points and k
    parameters, where s^2 = max(1, chi2 / p) is the factor of greatest likelihood: twice
    the negative log-likelihood of Gaussian errors, up to a constant. A weight is the
    relative likelihood of a law among those compared. It says which is best, not that
    any is right, and a few dimensions cannot tell d from d log d.

    Args:
        cap: what `capacity` returns, with an axis `d`.
        confidence: of each interval by itself.

    Returns:
        A dataset over the axes but `d`:

        - `exponent` and `constant`, each with `_low` and `_high`: a and C above.
        - `points` and `left_out`: how many dimensions were used, and how many not.

        and over these axes and `law` (`d/log d`, `d`, `d log d`, `d^2/log d`, `d^2`
        and `d^3`, each times a constant; `power`, C d^a; `exponential`, C exp(r d)):

        - `aic` and `weight`. A law with log d is NaN, and not compared, where d = 1 is
          among the points.
        - `law_constant`: C.
        - `law_parameter`: a or r, NaN for the laws without.

        All are NaN where fewer than 3 dimensions are left.

    Raises:
        ValueError: if `cap` is not what `capacity` returns or has no axis `d`, nowhere
            are 3 dimensions left, or the confidence is not between 0 and 1.

    References:
        Burnham & Anderson (2002), doi:10.1007/b97636, sec. 2.2 (AIC), 2.9 (weights).
        Birge (1932), doi:10.1103/PhysRev.40.207 (errors inflated by chi2 / dof).
        Smyth (2004), doi:10.2202/1544-6115.1027, sec. 3 and 6 (moderated errors).
        Satterthwaite (1946), doi:10.2307/3002019 (degrees of freedom).
    """
    check_confidence("fit_scaling", "confidence", confidence)
    _check_capacities(cap)
    cap = cap.sortby("d").transpose(..., "d")
    cells = drop_axes(cap["capacity"], "d")
    d = cap["d"].to_numpy().astype(float)
    error = _log_error(cap)
    usable = (cap["censored"].to_numpy() == "no") & np.isfinite(error)
    points = np.asarray(usable.sum(-1))
    _check_points(cells, points)
    height = np.log(cap["capacity"].to_numpy())
    freedom = np.maximum(cap["trials"].to_numpy() - 1.0, 1)
    rows = (x.reshape(-1, len(d)) for x in (usable, height, error, freedom))
    curves = [
        _fit_cell(_moderated(d[used], y[used], se[used], of[used]), float(confidence))
        for used, y, se, of in zip(*rows, strict=True)
    ]
    variables = {
        "points": (cells.dims, points),
        "left_out": (cells.dims, len(d) - points),
    }
    for name in curves[0]:
        column = np.stack([curve[name] for curve in curves])
        dims = (*cells.dims, "law")[: len(cells.dims) + column.ndim - 1]
        shape = (*cells.shape, *column.shape[1:])
        variables[name] = (dims, column.reshape(shape))
    fit = xr.Dataset(variables, {**cells.coords, "law": list(_LAWS)})
    for name, long_name in _LONG_NAMES.items():
        fit[name].attrs["long_name"] = long_name
        if name != "law":
            fit[name].attrs["units"] = "1"
    kept = {
        name: cap.attrs[name] for name in ("metric", "threshold") if name in cap.attrs
    }
    return fit.assign_attrs(
        kept,
        confidence=float(confidence),
        method="least squares in log n* and log d, weighted by the intervals",
    )


def _log_error(cap: xr.Dataset) -> Float[np.ndarray, "*cells d"]:
    """The standard errors of log n*, infinite where the interval tells none."""
    n, low, high, trials = (
        cap[name].to_numpy() for name in ("capacity", "low", "high", "trials")
    )
    with np.errstate(divide="ignore"):
        halves = np.stack([np.log(n) - np.log(low), np.log(high) - np.log(n)])
    closed = np.isfinite(halves)
    total = np.where(closed, halves, 0).sum(0)
    half = np.divide(
        total, closed.sum(0), out=np.full(n.shape, np.inf), where=closed.any(0)
    )
    level = (1 + cap.attrs["confidence"]) / 2
    error = half / special.stdtrit(np.maximum(trials - 1, 1), level)
    if "log_error" in cap:
        told = cap["log_error"].to_numpy()
        error = np.where(np.isfinite(told), told, error)
    return np.maximum(error, _LEAST_ERROR)


def _moderated(
    d: Float[np.ndarray, " points"],
    height: Float[np.ndarray, " points"],
    error: Float[np.ndarray, " points"],
    freedom: Float[np.ndarray, " points"],
) -> _Points:
    """The points of one cell, their variances drawn towards a common trend.

    The logarithm of a variance scatters as that of a chi-square does, and no more than
    that where all have one trend.
    """
    if len(d) < _LEAST_POINTS:
        return _Points(d, height, error**2, freedom, 0.0)
    half, total = freedom / 2, float(freedom.sum())
    logs = 2 * np.log(error) - special.digamma(half) + np.log(half)
    degree = 1 if len(d) >= _LEAST_TREND else 0
    x = np.log(d)
    trend = np.polyval(np.polyfit(x, logs, degree), x)
    spread = np.sum((logs - trend) ** 2) / (len(d) - 1 - degree)
    excess = spread - np.mean(special.polygamma(1, half))
    if excess <= special.polygamma(1, 2 * total):
        whole = np.full(len(d), total)
        return _Points(d, height, np.exp(trend), whole, total)
    prior = _inverse_trigamma(excess)
    common = np.exp(trend + special.digamma(prior) - np.log(prior))
    variance = (prior * common + half * error**2) / (prior + half)
    return _Points(d, height, variance, np.minimum(2 * prior + freedom, total), total)


def _inverse_trigamma(y: float) -> float:
    """The x > 0 with trigamma(x) = y."""
    rest = lambda u: np.log(special.polygamma(1, np.exp(u)) / y)
    # trigamma(x) lies between 1 / x and 1 / x + 1 / x^2.
    least, most = -np.log(y), np.log(1 / y + 1 / np.sqrt(y))
    root: Any = optimize.brentq(rest, least - 1e-9, most + 1e-9)
    return float(np.exp(root))


def _check_capacities(cap: xr.Dataset) -> None:
    missing = [name for name in _NEEDED if name not in cap.data_vars]
    if missing or "confidence" not in cap.attrs:
        raise ArgumentError(
            "fit_scaling",
            "cap",
            "must be what `capacity` returns, attributes included, got no "
            f"{', '.join(missing) or 'attribute confidence'}",
            "Pass `capacity(...)`, or select from it.",
        )
    if "d" not in cap.dims:
        raise ArgumentError(
            "fit_scaling",
            "cap",
            f"must have an axis `d`, got {tuple(cap.dims)}",
            "Keep several dimensions of the study.",
        )


def _check_points(cells: xr.DataArray, points: np.ndarray) -> None:
    if points.max(initial=0) >= _LEAST_POINTS:
        return
    names = [
        ", ".join(str(coord.item()) for coord in cells[index].coords.values()) or "here"
        for index in np.ndindex(cells.shape)
    ]
    pairs = zip(names, points.ravel(), strict=True)
    counts = "; ".join(f"{name}: {count}" for name, count in pairs)
    raise ArgumentError(
        "fit_scaling",
        "cap",
        f"needs at least {_LEAST_POINTS} dimensions whose capacity is not censored, "
        f"got {counts}",
        "Measure more dimensions, or loads on both sides of the threshold.",
    )


def _fit_cell(points: _Points, confidence: float) -> dict[str, np.ndarray]:
    """The fits to log n* of one cell, by name of the variable."""
    num = len(points.d)
    if num < _LEAST_POINTS:
        names = ("constant", "exponent")
        ends = [name + end for name in names for end in ("", "_low", "_high")]
        laws = ("aic", "weight", "law_constant", "law_parameter")
        nothing = dict.fromkeys(ends, np.array(np.nan))
        return nothing | dict.fromkeys(laws, np.full(len(_LAWS), np.nan))
    lines = [_fit_law(law, points) for law in _LAWS.values()]
    aic = np.array([_akaike(line, num) for line in lines])
    likelihood = np.exp((np.nanmin(aic) - aic) / 2)
    power = lines[list(_LAWS).index("power")]
    half = _quantile(power, num - 2, confidence) * power.errors
    variables = {
        "aic": aic,
        "weight": likelihood / np.nansum(likelihood),
        "law_constant": _exp([line.coefficients[0] for line in lines]),
        "law_parameter": np.array([(*line.coefficients, np.nan)[1] for line in lines]),
    }
    for end, sign in (("", 0), ("_low", -1), ("_high", 1)):
        constant, exponent = power.coefficients + sign * half
        variables[f"constant{end}"] = _exp(constant)
        variables[f"exponent{end}"] = np.asarray(exponent)
    return variables


def _exp(x) -> np.ndarray:
    # Three points far off a line tell nothing of the constant: up to infinity.
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(x))


def _fit_law(law: _Law, points: _Points) -> _Line:
    d, variance = points.d, points.variance
    with np.errstate(divide="ignore"):
        offset = law.offset(d)
    columns = [np.ones_like(d)]
    if law.slope is not None:
        columns.append(law.slope(d))
    if not np.isfinite(offset).all():
        nothing = np.full(len(columns), np.nan)
        return _Line(nothing, nothing, nothing, np.nan)
    design = np.stack(columns, axis=-1) / np.sqrt(variance)[:, None]
    target = (points.height - offset) / np.sqrt(variance)
    coefficients = np.linalg.lstsq(design, target)[0]
    chi2 = float(np.sum((target - design @ coefficients) ** 2))
    # How each point moves each coefficient, in its own standard errors.
    shares = np.linalg.pinv(design) ** 2
    squares = shares.sum(axis=1)
    freedom = squares**2 / np.sum(shares**2 / points.freedom, axis=1)
    freedom = np.minimum(freedom, points.total)
    return _Line(coefficients, np.sqrt(squares), freedom, chi2)


def _akaike(line: _Line, points: int) -> float:
    inflation = np.maximum(1.0, line.chi2 / points)
    return float(
        2 * len(line.coefficients) + points * np.log(inflation) + line.chi2 / inflation
    )


def _quantile(line: _Line, freedom: int, confidence: float) -> Float[np.ndarray, " k"]:
    """By how many stated standard errors an interval reaches to each side."""
    level = (1 + confidence) / 2
    stated = special.stdtrit(line.freedom, level)
    if line.chi2 <= freedom:
        return stated
    scatter = special.stdtrit(freedom, level) * np.sqrt(line.chi2 / freedom)
    return np.maximum(stated, scatter)
