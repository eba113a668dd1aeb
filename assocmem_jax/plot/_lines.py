"""Metrics against the number of stored pairs, as lines."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from .._base.errors import ArgumentError
from .._base.suggest import suggest
from ._asked import described, own_loads
from ._axes import axes_or_new, check_dataset, check_metric, mean_over_trials, reach
from ._labels import draw_legend, label_of, looks_of, readable, theory_line
from ._predicted import loads_between, predictions


def curves(
    dataset: xr.Dataset,
    metric: str,
    *,
    hue: str,
    ax: Axes | None = None,
    band: bool = True,
    confidence: float = 0.95,
    legend: bool = True,
    theory: bool = True,
    **line: Any,
) -> Axes:
    """Draw a metric against the number of stored pairs, one line per entry of `hue`.

    Where a prediction is known, the line is the prediction, which the legend calls
    theory, and what was measured are the markers on it.

    Args:
        dataset: what `study.sweep` returned, with one entry of every dimension but `n`,
            `hue` and `trial`.
        metric: a variable of the dataset, such as "cosine".
        hue: the dimension that the lines differ in. Numbers take ordered colors.
        ax: where to draw. `None` makes new axes.
        band: shade the interval of the mean, where there are several trials.
        confidence: of the interval, between 0 and 1.
        legend: draw a legend.
        theory: draw predictions; `False` joins what was measured by lines.
        line: passed on to `matplotlib.axes.Axes.plot` for what was measured.

    Returns:
        The axes.

    Raises:
        ValueError: if the metric or `hue` is unknown, another dimension is left, or the
            confidence is not between 0 and 1.
    """
    check_hue("plot.curves", dataset, hue)
    means = mean_over_trials(
        "plot.curves", dataset, metric, (hue, "n"), confidence=confidence
    )
    ax = axes_or_new("plot.curves", ax)
    formulas = predictions(dataset, metric, hue) if theory else None
    draw_lines(ax, means, hue, line, band=band, legend=legend, formulas=formulas)
    ax.set_xlabel(label_of(dataset, "n"))
    ax.set_ylabel(label_of(dataset, metric))
    return ax


def collapse(
    dataset: xr.Dataset,
    metric: str = "cosine",
    *,
    scale: Callable[[float], float] | None = None,
    label: str | None = None,
    ax: Axes | None = None,
    band: bool = True,
    confidence: float = 0.95,
    legend: bool = True,
    theory: bool = True,
    **line: Any,
) -> Axes:
    r"""Draw a metric against $n / s(d)$, one line per dimension.

    Where capacity grows like $s(d)$, the lines of all dimensions fall on one.

    Args:
        dataset: what `study.sweep` returned, with one entry of every dimension but `n`,
            `d` and `trial`.
        metric: a variable of the dataset, such as "cosine".
        scale: $s$, from a dimension to a positive number of pairs. `None` is
            $s(d) = d$, which makes the axis the load.
        label: what the horizontal axis says.
        ax: where to draw. `None` makes new axes.
        band: shade the interval of the mean, where there are several trials.
        confidence: of the interval, between 0 and 1.
        legend: draw a legend.
        theory: draw predictions, as `curves` does.
        line: passed on to `matplotlib.axes.Axes.plot` for what was measured.

    Returns:
        The axes.

    Raises:
        ValueError: if the metric is unknown, another dimension is left, a scale is not
            positive and finite, or the confidence is not between 0 and 1.
    """
    means = mean_over_trials(
        "plot.collapse", dataset, metric, ("d", "n"), confidence=confidence
    )
    if label is None:
        label = "load $n / d$" if scale is None else "$n / s(d)$"
    scales = _scales(means["d"].values, scale)
    ax = axes_or_new("plot.collapse", ax)
    formulas = predictions(dataset, metric, "d") if theory else None
    draw_lines(
        ax, means, "d", line, band=band, legend=legend, scales=scales, formulas=formulas
    )
    ax.set_xlabel(label)
    ax.set_ylabel(label_of(dataset, metric))
    return ax


def difference(
    dataset: xr.Dataset,
    metric: str = "cosine",
    *,
    rules: tuple[str, str],
    hue: str = "d",
    ax: Axes | None = None,
    band: bool = True,
    confidence: float = 0.95,
    legend: bool = True,
    **line: Any,
) -> Axes:
    """Draw by how much the first of two rules is above the second, trial by trial.

    All rules of a study see the same patterns, so the interval is that of the mean of
    the differences: it is narrower than the intervals of the two rules suggest.

    Args:
        dataset: what `study.sweep` returned, with one entry of every dimension but
            `rule`, `n`, `hue` and `trial`.
        metric: a variable of the dataset, such as "cosine".
        rules: the names of the two rules.
        hue: the dimension that the lines differ in.
        ax: where to draw. `None` makes new axes.
        band: shade the interval of the mean, where there are several trials.
        confidence: of the interval, between 0 and 1.
        legend: draw a legend.
        line: passed on to `matplotlib.axes.Axes.plot`.

    Returns:
        The axes.

    Raises:
        ValueError: if the metric, `hue` or a rule is unknown, another dimension is
            left, or the confidence is not between 0 and 1.
    """
    check_metric("plot.difference", dataset, metric)
    _check_rules(dataset, rules)
    of_rule = [dataset[[metric]].sel(rule=rule, drop=True) for rule in rules]
    # Named anew: a difference is not what the metric is, such as a fraction.
    paired = (of_rule[0] - of_rule[1]).rename({metric: "difference"})
    paired = paired.assign_attrs(dataset.attrs)
    check_hue("plot.difference", paired, hue)
    means = mean_over_trials(
        "plot.difference", paired, "difference", (hue, "n"), confidence=confidence
    )
    ax = axes_or_new("plot.difference", ax)
    ax.axhline(0, color="0.35", linewidth=0.8)
    draw_lines(ax, means, hue, line, band=band, legend=legend)
    ax.set_xlabel(label_of(dataset, "n"))
    first, second = map(readable, rules)
    ax.set_ylabel(f"{label_of(dataset, metric)},\n{first} $-$ {second}")
    return ax


def draw_lines(ax, means, hue, line, *, band, legend, scales=None, formulas=None):
    """Draw one line per entry of `hue`, and its band where there is one."""
    handles, others = [], []
    study = described(means)
    # Many bands on one another must not hide the lines.
    alpha = min(0.2, 1 / means.sizes[hue])
    for i, look in enumerate(looks_of(means[hue].values, means.attrs)):
        one = means.isel({hue: i})
        d = one["d"].item() if "d" in one.coords and one["d"].ndim == 0 else None
        one = one.isel(n=own_loads(one["mean"], study, d))
        n = one["n"].values
        scale = 1 if scales is None else scales[i]
        x = n / scale
        look = {**look, "markeredgewidth": 0}
        if formulas is not None and formulas[i] is not None:
            between = loads_between(n)
            predicted = formulas[i](between)
            # Thin, so that the markers show where they are off.
            ax.plot(between / scale, predicted, color=look["color"], linewidth=1.0)
            look["linestyle"] = "none"
            others = [theory_line()]
        look = {**look, **line}
        handles += ax.plot(x, one["mean"].values, **look)
        if band and "low" in one:
            ax.fill_between(
                x,
                one["low"].values,
                one["high"].values,
                color=handles[-1].get_color(),
                alpha=alpha,
                linewidth=0,
            )
        reach(ax, x)
    ax.set_xscale("log", base=2)
    if legend and np.issubdtype(means[hue].dtype, np.number):
        # The largest on top, as on a color bar.
        title = label_of(means, hue)
        draw_legend(ax, handles[::-1], others, title=title, ordered=True)
    elif legend:
        title = None if hue == "rule" else label_of(means, hue)
        draw_legend(ax, handles, others, title=title)


def _scales(d, scale):
    """The scale of every dimension."""
    scales = [float(size if scale is None else scale(float(size))) for size in d]
    for size, number in zip(d, scales, strict=True):
        if not 0 < number < np.inf:
            raise ArgumentError(
                "plot.collapse",
                "scale",
                f"must be positive and finite, got {number} for d = {size}",
                "Return a number of pairs.",
            )
    return scales


def check_hue(function: str, dataset: xr.Dataset, hue: str) -> None:
    """Raise unless `hue` is a dimension that lines can differ in."""
    check_dataset(function, "dataset", dataset)
    known = [
        str(name)
        for name, coord in dataset.coords.items()
        if name not in ("n", "trial") and (name in dataset.dims or coord.ndim == 0)
    ]
    if hue not in known:
        complaint = f"must name a dimension that lines can differ in, got {hue!r}"
        raise ArgumentError(function, "hue", complaint, suggest(str(hue), known))


def _check_rules(dataset: xr.Dataset, rules: tuple[str, str]) -> None:
    if "rule" not in dataset.dims:
        over = ", ".join(f"`{dim}`" for dim in dataset.sizes)
        raise ArgumentError(
            "plot.difference",
            "rules",
            f"needs a dataset over `rule`, got one over {over}",
            "Keep both rules.",
            given=repr(rules),
        )
    known = [str(name) for name in dataset["rule"].values]
    if isinstance(rules, str) or len(rules) != 2:
        complaint = f"must name two rules of the dataset, got {rules!r}"
        raise ArgumentError(
            "plot.difference", "rules", complaint, suggest(str(rules), known)
        )
    for rule in rules:
        if rule not in known:
            complaint = f"must name two rules of the dataset, got {rule!r}"
            advice = suggest(str(rule), known)
            raise ArgumentError("plot.difference", "rules", complaint, advice)
