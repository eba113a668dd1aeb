"""A metric is one function and one row: all that draws or tells it asks the table."""

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._command import panels
from assocmem_jax.metrics._own import scores_of
from assocmem_jax.metrics._table import METRICS, Metric


RULES = {"dot": am.DotProduct(), "softmax": am.Softmax(beta=0.5)}
GRID = {"d": [8], "n": [4, 16, 64], "trials": 4}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def bits(answers):
    return am.metrics.bit_accuracy(answers.values, answers.retrieved)


def largest(answers):
    return jnp.max(jnp.abs(answers.values - answers.retrieved), axis=-1)


ADDED = {
    "bits": Metric("share of the signs that are right", "mean bit accuracy", bits),
    "perfect": Metric("1 where all signs are right", "all bits", None, follows="bits"),
    "largest": Metric(
        long_name="largest error of a coordinate",
        label="mean largest error",
        score=largest,
        larger_is_better=False,
        highest=np.inf,
        reaches_highest=False,
        floor=1e-7,
    ),
}


@pytest.fixture(scope="module", autouse=True)
def added():
    with pytest.MonkeyPatch.context() as patch:
        for name, metric in ADDED.items():
            patch.setitem(METRICS, name, metric)
        yield


@pytest.fixture(scope="module")
def study(added):
    return am.sweep(RULES, **GRID, metrics=tuple(ADDED))


def test_a_metric_from_outside_is_measured(study):
    assert study["bits"].attrs["long_name"] == ADDED["bits"].long_name
    assert "bits_std" in study and "perfect_std" not in study
    np.testing.assert_array_equal(study["perfect"], study["bits"] == 1)
    assert 0.5 < float(study["bits"].sel(n=64).mean()) < float(study["bits"].max()) <= 1
    cosine = am.sweep(RULES, **GRID, metrics=("cosine", "bits"))
    np.testing.assert_array_equal(cosine["bits"], study["bits"])
    assert scores_of(["perfect", "bits"]) == {"bits": METRICS["bits"]}


def test_a_metric_from_outside_has_a_capacity(study):
    for name in ("bits", "largest"):
        middle = float(study[name].sel(rule="dot", n=[4, 64]).mean())
        found = am.capacity(study, name, middle).sel(rule="dot")
        assert found["censored"] == "no" and 4 < found["capacity"] < 64
    with pytest.raises(ValueError, match="between 0 and 1 for `bits`, got 1.5"):
        am.capacity(study, "bits", 1.5)
    with pytest.raises(ValueError, match="positive and finite for `largest`, got inf"):
        am.capacity(study, "largest", np.inf)


def test_a_metric_from_outside_has_intervals_of_its_kind(study):
    assert am.mean_interval(study, "bits").attrs["method"] == "Student t"
    assert am.mean_interval(study, "perfect").attrs["method"] == "Wilson"


def test_a_metric_from_outside_is_searched():
    found = am.search_capacity(
        {"dot": am.DotProduct()}, d=[8], threshold=0.9, metric="bits", trials=4
    )
    assert found.attrs["metric"] == "bits" and np.isfinite(found["capacity"]).all()


def test_a_metric_from_outside_is_drawn(study):
    ax = am.plot.curves(study, "bits", hue="rule")
    assert ax.get_ylabel() == "mean bit accuracy"
    one = study.sel(rule="dot")
    for name, limits in (("bits", (0, 1)), ("largest", None)):
        (mesh,) = am.plot.heatmap(one, name).collections
        assert limits is None or mesh.get_clim() == limits
        assert (mesh.get_clim() == (0, 1)) is (name == "bits")


@pytest.mark.parametrize("kind", ("curves", "heatmap", "collapse", "capacity"))
@pytest.mark.parametrize("metric", ("bits", "largest"))
def test_a_metric_from_outside_has_panels(kind, metric, study, tmp_path, monkeypatch):
    scales = []
    close = plt.close

    def seen(figure):
        scales.append(figure.axes[0].get_yscale())
        close(figure)

    monkeypatch.setattr(plt, "close", seen)
    panels.draw(study, kind, metric, 0.9, tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000
    if kind == "curves":
        assert scales == ["log" if metric == "largest" else "linear"]


def test_what_is_not_known_of_a_metric_is_said():
    with pytest.raises(ValueError, match="knows no expectation of 'bits'"):
        am.sweep(RULES, **GRID, metrics=["bits"], values="marginalized")
    with pytest.raises(ValueError, match="no prediction of 'bits' for `DotProduct`"):
        am.theory.predict(RULES, d=[8], n=[4], metrics=["bits"])
    with pytest.raises(ValueError, match="no metric 'bitz'. Did you mean `bits`"):
        am.sweep(RULES, **GRID, metrics=["bitz"])


@pytest.mark.parametrize("name", ("cosine", "bits"))
def test_a_metric_is_not_registered_twice(name):
    before = METRICS[name]
    with pytest.raises(ValueError, match=f"must be its own, got '{name}'"):
        METRICS[name] = ADDED["largest"]
    assert METRICS[name] is before


@pytest.mark.parametrize("name", ("", "two words", "a-b"))
def test_a_metric_has_a_name_of_one_word(name):
    with pytest.raises(ValueError, match=f"must be one word.* got '{name}'"):
        METRICS[name] = ADDED["bits"]
