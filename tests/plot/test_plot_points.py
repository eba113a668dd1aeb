"""Figures of studies over ensembles, v, loads and levels that depend on d."""

# Matplotlib declares more types than it returns.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false, reportIndexIssue=false

import json

import numpy as np
import pytest
from figures import legend_of

import assocmem_jax as am
from assocmem_jax.patterns import Gaussian, LowRank, Spherical
from assocmem_jax.theory import predict


SETTINGS = {
    "d": [10, 15],
    "n": am.loads(0.5, 1, 2),
    "v": [2, 4],
    "ensemble": {"normal": Gaussian(), "sphere": Spherical()},
    "vary": {"beta": [0.5, "1/sqrt(d)"]},
    "query_noise": [0.0, "0.5*d**-0.5"],
    "metrics": ["cosine"],
}


@pytest.fixture(scope="module")
def study():
    predicted = predict({"soft": am.Softmax()}, **SETTINGS)
    spec = am.study.Spec({"soft": am.Softmax()}, **SETTINGS)
    # As if it were measured, twice and without error.
    study = predicted.expand_dims(trial=2, axis=-1).copy()
    return study.assign_attrs(spec=json.dumps(spec.describe()))


def place(study, **chosen):
    usual = {"rule": "soft", "v": 2, "ensemble": "sphere", "beta": "d**-0.5"}
    return study.sel({**usual, "query_noise": "0.5*d**-0.5", **chosen})


def lines_of(ax):
    """Lines without and with markers."""
    plain = [line for line in ax.lines if line.get_marker() == "None"]
    return plain, [line for line in ax.lines if line.get_marker() != "None"]


def test_predictions_are_those_of_one_point(study):
    assert study["n"].values.tolist() == [5, 8, 10, 15, 20, 30]
    alone = predict(
        {"soft": am.Softmax(15**-0.5)},
        d=[15],
        n=[8, 15, 30],
        v=2,
        ensemble=Spherical(),
        query_noise=0.5 * 15**-0.5,
        metrics=["cosine"],
    )
    one = place(study, d=15)["cosine"].isel(trial=0)
    np.testing.assert_array_equal(one.sel(n=[8, 15, 30]), alone["cosine"].squeeze())
    assert one.sel(n=[5, 10, 20]).isnull().all()


def test_a_line_has_the_loads_of_its_dimension_and_theory(study):
    ax = am.plot.collapse(place(study), "cosine")
    plain, marked = lines_of(ax)
    assert [line.get_xdata().tolist() for line in marked] == [
        [0.5, 1.0, 2.0],
        [8 / 15, 1.0, 2.0],
    ]
    for line, points in zip(plain, marked, strict=True):
        drawn = np.interp(points.get_xdata(), line.get_xdata(), line.get_ydata())
        np.testing.assert_allclose(points.get_ydata(), drawn, rtol=1e-6)


@pytest.mark.parametrize(
    "hue, title",
    [
        ("beta", r"inverse temperature $\beta$"),
        ("v", "dimension of the values $v$"),
        ("ensemble", "keys"),
        ("query_noise", "noise of queries"),
    ],
)
def test_every_axis_is_drawn_with_theory(study, hue, title):
    others = {"v": 2, "ensemble": "sphere", "beta": "d**-0.5", "query_noise": "0.0"}
    del others[hue]
    one = study.sel(rule="soft", d=15, **others)
    ax = am.plot.curves(one, "cosine", hue=hue)
    plain, marked = lines_of(ax)
    assert len(plain) == len(marked) == 2
    for line, points in zip(plain, marked, strict=True):
        drawn = np.interp(points.get_xdata(), line.get_xdata(), line.get_ydata())
        np.testing.assert_allclose(points.get_ydata(), drawn, rtol=1e-6)
    assert ax.get_legend().get_title().get_text() == title
    labels = study[hue].values.tolist()
    shown = labels[::-1] if hue == "v" else labels
    assert legend_of(ax)[:2] == [str(x) for x in shown]


def test_an_ensemble_that_theory_does_not_know_has_no_line(study):
    spec = am.study.Spec(
        {"soft": am.Softmax()},
        **{**SETTINGS, "ensemble": {"normal": Gaussian(), "sphere": LowRank(2, 0.1)}},
    )
    other = study.assign_attrs(spec=json.dumps(spec.describe()))
    one = place(other.drop_vars("ensemble").assign_coords(ensemble=study["ensemble"]))
    plain, _ = lines_of(am.plot.curves(one, "cosine", hue="d"))
    assert not plain


def test_a_map_has_columns_of_their_own_loads(study):
    ax = am.plot.heatmap(place(study), "cosine", theory=False)
    meshes = ax.collections
    assert len(meshes) == 2
    assert all(not np.ma.is_masked(mesh.get_array()) for mesh in meshes)
    assert meshes[0].get_clim() == meshes[1].get_clim()
    middle = meshes[1].get_coordinates()[:, 0, 1]
    np.testing.assert_allclose(middle[1:-1], np.sqrt([8 * 15, 15 * 30]))
