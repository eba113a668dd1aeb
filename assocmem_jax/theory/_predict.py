"""Predictions of a whole study."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from .._base.errors import called_as
from .._core.rule import AbstractRule
from .._spec.levels import Level, labels
from .._spec.loads import Loads
from .._spec.spec import Spec, spec_of
from ..metrics._own import rows_of
from ..metrics._table import METRICS
from ..patterns import AbstractEnsemble, Gaussian
from ._registry import formula_of


def predict(
    rules: Mapping[str, AbstractRule],
    *,
    d: Sequence[int] | np.ndarray,
    n: Sequence[int] | np.ndarray | Loads,
    v: int | Sequence[int] | None = None,
    ensemble: AbstractEnsemble | Mapping[str, AbstractEnsemble] = Gaussian(),
    query_noise: Level | Sequence[Level] = 0.0,
    vary: Mapping[str, Level | Sequence[Level]] | None = None,
    metrics: Sequence[str] = ("cosine", "distance"),
) -> xr.Dataset:
    """The results that `sweep` must find, without an experiment.

    Values have independent coordinates from N(0, 1). A prediction is as good as the
    formula says that it comes from, such as `softmax_cosine`: most are exact.

    Args:
        rules: the retrieval rules, by name.
        d: dimensions of the keys, ascending.
        n: loads, numbers of stored pairs, ascending; or multiples of d, by `loads`.
        v: dimension of the values. `None` is d. Several make an axis of the result.
        ensemble: how keys are drawn: `Gaussian`, or for some rules `Spherical` or
            `Bipolar`. Several by name make an axis.
        query_noise: standard deviation of the noise added to each coordinate of a
            query. Several levels make an axis of the result. A level may depend on d,
            as in `sweep`.
        vary: values of the rules' hyperparameters, by name: each an axis.
        metrics: what is predicted: "cosine", "distance", "squared_error", "recall".

    Returns:
        A dataset over the dimensions of the one of `sweep`, all but `trial`.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: if an argument is out of range, or no prediction is known for one
            of the rules, the ensemble, a metric or a cell.

    Example:
        >>> import assocmem_jax as am
        >>> ds = am.theory.predict({"dot": am.DotProduct()}, d=[16], n=[4, 64])
        >>> ds["cosine"].values.round(6).tolist()
        [[[0.91069, 0.433413]]]
    """
    names = {"metric": "metrics", "rule": "rules"}
    with called_as("theory.predict", names, instead_of=("Spec", "theory.predict")):
        spec = spec_of(
            rules,
            d=d,
            n=n,
            v=v,
            ensemble=ensemble,
            query_noise=query_noise,
            vary={} if vary is None else vary,
            metrics=metrics,
        )
        data = {metric: _of_rules(spec, metric) for metric in rows_of(spec.metrics)}
    return xr.Dataset(data, attrs={"title": "What associative memories must hold"})


def _of_rules(spec: Spec, metric: str) -> xr.DataArray:
    by_rule = xr.broadcast(*(_of_rule(spec, name, metric) for name in spec.rules))
    whole = xr.concat(by_rule, "rule").assign_coords(rule=list(spec.rules))
    whole = whole.assign_attrs(long_name=METRICS[metric].long_name, units="1")
    return whole.transpose("rule", "d", "n", *spec.axes, *spec.corruption_axes)


def _of_rule(spec: Spec, name: str, metric: str) -> xr.DataArray:
    points, n = spec.points(name), spec.num_pairs
    noise = spec.corruption_axes.get("query_noise", (spec.query_noise,))
    own = {axis: x for axis, x in spec.axes.items() if axis in points[0]}
    axes = {**own, "d": spec.d, "query_noise": noise, "n": n}
    grid = np.full((len(points), len(spec.d), len(noise), len(n)), np.nan)
    for point, i in np.ndindex(grid.shape[:2]):
        d = spec.d[i]
        alone: Any = spec.at(name, point, d)
        rule, sizes = alone.rules[name], np.array(alone.n)
        formula = formula_of("theory.predict", rule, metric, alone.ensemble)
        for j, level in enumerate(np.atleast_1d(alone.query_noise)):
            predicted = formula.function(d, sizes, v=alone.v, query_noise=float(level))
            grid[point, i, j, np.searchsorted(n, sizes)] = predicted
    shape = [len(levels) for levels in axes.values()]
    array = xr.DataArray(
        grid.reshape(shape), {x: labels(levels) for x, levels in axes.items()}
    )
    return array if spec.corruption_axes else array.isel(query_noise=0, drop=True)
