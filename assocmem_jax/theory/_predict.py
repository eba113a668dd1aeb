"""Predictions of a whole study."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from .._base.errors import called_as
from .._core.rule import AbstractRule, hyperparameters
from .._spec.spec import Spec, spec_of
from ..metrics._table import METRICS
from ..patterns import AbstractEnsemble, Gaussian
from ._registry import formula_of


def predict(
    rules: Mapping[str, AbstractRule],
    *,
    d: Sequence[int] | np.ndarray,
    n: Sequence[int] | np.ndarray,
    v: int | None = None,
    ensemble: AbstractEnsemble = Gaussian(),
    query_noise: float | Sequence[float] = 0.0,
    vary: Mapping[str, Sequence[float]] | None = None,
    metrics: Sequence[str] = ("cosine", "distance"),
) -> xr.Dataset:
    """The results that `sweep` must find, without an experiment.

    Values have independent coordinates from N(0, 1). A prediction is as good as the
    formula says that it comes from, such as `softmax_cosine`: most are exact.

    Args:
        rules: the retrieval rules, by name.
        d: dimensions of the keys, ascending.
        n: loads, numbers of stored pairs, ascending.
        v: dimension of the values. `None` is d.
        ensemble: how keys are drawn: `Gaussian`, or for some rules `Spherical` or
            `Bipolar`.
        query_noise: standard deviation of the noise added to each coordinate of a
            query. Several levels make an axis of the result.
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
        data = {metric: _of_rules(spec, metric) for metric in spec.metrics}
    return xr.Dataset(data, attrs={"title": "What associative memories must hold"})


def _of_rules(spec: Spec, metric: str) -> xr.DataArray:
    by_rule = xr.broadcast(*(_of_rule(spec, name, metric) for name in spec.rules))
    whole = xr.concat(by_rule, "rule").assign_coords(rule=list(spec.rules))
    whole = whole.assign_attrs(long_name=METRICS[metric].long_name, units="1")
    return whole.transpose("rule", "d", "n", *spec.vary, *spec.corruption_axes)


def _of_rule(spec: Spec, name: str, metric: str) -> xr.DataArray:
    rule, noise = spec.rules[name], np.atleast_1d(spec.query_noise)
    own = {x: levels for x, levels in spec.vary.items() if x in hyperparameters(rule)}
    axes = {**own, "query_noise": noise, "d": spec.d, "n": spec.n}
    d, n = np.array(spec.d)[:, None], np.array(spec.n)
    grids = [
        formula_of("theory.predict", replaced, metric, spec.ensemble).function(
            d, n, v=spec.v, query_noise=level
        )
        for point in spec.points(name)
        for replaced in [dataclasses.replace(rule, **point)]  # pyright: ignore
        for level in noise
    ]
    shape = [len(levels) for levels in axes.values()]
    array = xr.DataArray(
        np.reshape(grids, shape), {x: list(y) for x, y in axes.items()}
    )
    return array if spec.corruption_axes else array.isel(query_noise=0, drop=True)
