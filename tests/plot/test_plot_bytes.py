"""Metrics against bytes for each stored pair."""

# Matplotlib declares more types than it returns.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import legend_of

import assocmem_jax as am


@pytest.fixture
def sized(dataset):
    one = dataset.sel(d=[16])
    fixed, each = np.array([4096.0, 0, 0]), np.array([0, 128.0, 129.0])
    sizes = fixed[:, None] + each[:, None] * one.n.values
    return one.assign_coords(state_bytes=(("rule", "n"), sizes))


def test_lines_are_over_the_bytes_of_each_pair(sized):
    ax = am.plot.recall_against_bytes(sized, "cosine")
    for i, line in enumerate(ax.lines):
        one = sized.isel(rule=i, d=0)
        expected = (one.state_bytes / one.n).values
        # Moved aside by a few percent, all of a line by as much.
        ratio = line.get_xdata() / expected
        assert np.allclose(ratio, ratio[0]) and 0.9 < ratio[0] < 1.1
        assert np.allclose(line.get_ydata(), one.cosine.mean("trial"))
    assert legend_of(ax)[: len(ax.lines)] == sized.rule.values.tolist()
    assert "bytes" in ax.get_xlabel() and ax.get_xscale() == "log"


def test_lines_may_differ_in_something_else(sized):
    ax = am.plot.recall_against_bytes(
        sized.isel(rule=[0]), "cosine", hue="d", legend=False, band=False
    )
    assert len(ax.lines) == 1 and ax.get_legend() is None and not ax.collections


def test_what_has_no_sizes_is_refused(dataset, sized):
    with pytest.raises(ValueError, match="must have a coordinate `state_bytes`, got a"):
        am.plot.recall_against_bytes(dataset.sel(d=[16]), "cosine")
    with pytest.raises(ValueError, match="bytes.metric=.*must be a metric"):
        am.plot.recall_against_bytes(sized)
    with pytest.raises(ValueError, match="bytes.hue=.*must name a dimension"):
        am.plot.recall_against_bytes(sized, "cosine", hue="rules")
    assert plt.get_fignums() == []


def test_a_study_is_drawn_with_its_own_sizes():
    rules = {"softmax": am.Softmax(), "dot product": am.DotProduct()}
    study = am.sweep(rules, d=[8], n=[4, 16], metrics=["recall", "cosine"])
    ax = am.plot.recall_against_bytes(study)
    size = study.state_bytes.sel(rule="dot product", d=8) / study.n
    ratio = ax.lines[1].get_xdata() / size.values
    assert np.allclose(ratio, ratio[0])
    # Lines of theory are drawn of such a study, too.
    assert len(am.plot.curves(study.isel(n=[0]), "cosine", hue="rule").lines) == 4
