"""Metrics of the caller's own: measured, told which side is better, refused."""

import subprocess
import sys
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax.metrics import OwnMetric
from assocmem_jax.study._programs import compiled_kernel


RULES = {"dot": am.DotProduct(), "pseudoinverse": am.Pseudoinverse()}
GRID: Any = {"d": [6], "n": [2, 6, 24], "trials": 3}


def sharpness(right, retrieved):
    return jnp.sum(right * retrieved) / jnp.sqrt(
        jnp.sum(right**2) * jnp.sum(retrieved**2)
    )


def is_near(right, retrieved):
    return jnp.max(jnp.abs(right - retrieved)) < 1


def largest(right, retrieved):
    return jnp.max(jnp.abs(right - retrieved))


LARGEST = OwnMetric(
    largest, larger_is_better=False, lowest=0.0, long_name="largest error"
)


@pytest.fixture(scope="module")
def study():
    metrics = ("cosine", sharpness, is_near, LARGEST)
    return am.sweep(RULES, **GRID, metrics=metrics)


def test_a_function_is_measured_under_its_name(study):
    assert list(study.data_vars)[2:4] == ["sharpness", "sharpness_std"]
    for name in ("", "_std"):
        found, known = study[f"sharpness{name}"], study[f"cosine{name}"]
        np.testing.assert_allclose(found, known, atol=1e-5)
    shares = study["is_near"] * study["n"]
    np.testing.assert_allclose(shares, np.round(shares), atol=1e-4)
    assert study.attrs["spec"].count('["cosine", "sharpness", "is_near", "largest"]')


def test_a_function_sees_one_answer_of_its_rule(rng):
    values = rng.standard_normal((4, 3))
    keys = am.patterns.Samples(np.eye(4), values)
    # Orthogonal keys: each value comes back as it is.
    data = am.sweep(
        {"dot": am.DotProduct()},
        d=[4],
        n=[4],
        ensemble=keys,
        metrics={"first": lambda right, retrieved: right[0] + 10 * retrieved[2]},
    )
    expected = values[:, 0].mean() + 10 * values[:, 2].mean()
    np.testing.assert_allclose(data["first"].item(), expected, rtol=1e-5)


def test_capacity_knows_the_better_side(study):
    found = am.capacity(study, "largest", 1.0)
    assert (found["censored"].sel(rule="dot") != "above").all()
    rising = study["largest"].mean("trial").sel(rule="dot", d=6)
    assert rising.values[0] < rising.values[-1]
    with pytest.raises(ValueError, match="threshold=.*positive and finite for `larg"):
        am.capacity(study, "largest", -1.0)
    assert am.capacity(study, "sharpness", -7.5)["censored"].values.tolist() == [
        ["above"],
        ["above"],
    ]
    bare = study.assign(sharpness=study["sharpness"] * 1.0).drop_attrs()
    with pytest.raises(ValueError, match="metric with a better side, got 'sharpness'"):
        am.capacity(bare, "sharpness", 0.5)


def test_another_process_knows_it(study, tmp_path):
    study.to_netcdf(tmp_path / "study.nc", engine="h5netcdf")
    code = """if True:
        import sys, assocmem_jax as am
        study = am.load_study(sys.argv[1])
        found = am.capacity(study, "largest", 0.5)
        am.plot.curves(study.sel(rule="dot"), "largest", hue="d")
        print(found["capacity"].sel(rule="pseudoinverse").item())
    """
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "study.nc")],
        capture_output=True,
        text=True,
        check=True,
    )
    known = am.capacity(study, "largest", 0.5)["capacity"][1].item()
    assert float(told.stdout) == known and known > 0


def test_figures_say_what_it_is(study):
    ax = am.plot.curves(study.sel(d=6), "largest", hue="rule")
    assert ax.get_ylabel() == "largest error"
    ax = am.plot.heatmap(study.sel(rule="dot"), "largest")
    assert ax.collections[0].get_clim() != (0, 1)
    plt.close("all")


def test_searches_take_it():
    grid: Any = {"d": [4], "trials": 4, "start": 2, "limit": 64}
    rules = {"pseudoinverse": am.Pseudoinverse()}
    found = am.search_capacity(rules, **grid, metric=LARGEST, threshold=0.5)
    assert found["censored"].item() == "no" and found.attrs["metric"] == "largest"


def test_a_store_knows_it_by_its_name(tmp_path):
    rules = {"dot": am.DotProduct()}
    grid: Any = {"d": [4], "n": [3]}
    first = am.sweep(rules, **grid, metrics=[largest], store=tmp_path)
    again = am.sweep(rules, **grid, metrics=[largest], store=tmp_path)
    np.testing.assert_array_equal(first["largest"], again["largest"])
    with pytest.raises(ValueError, match="store=.*`metrics`"):
        am.sweep(rules, **grid, metrics={"other": largest}, store=tmp_path)


def test_a_function_compiles_once():
    rules = {"dot": am.DotProduct()}
    grid: Any = {"d": [5], "n": [3]}
    am.sweep(rules, **grid, metrics=[LARGEST])
    before = compiled_kernel.cache_info().misses
    am.sweep(rules, **grid, metrics={"largest": largest})
    assert compiled_kernel.cache_info().misses == before + 1
    am.sweep(rules, **grid, metrics=[LARGEST])
    assert compiled_kernel.cache_info().misses == before + 1


class Unhashable(eqx.Module):
    scale: jax.Array

    def __call__(self, right, retrieved):
        return jnp.sum(self.scale * right)


def cosine(right, retrieved):
    return jnp.sum(right)


def trial(right, retrieved):
    return jnp.sum(right)


@pytest.mark.parametrize(
    "metrics, error, message",
    (
        ([lambda x, y: x], ValueError, r"name=.*one word.*got '<lambda>'.*Name a func"),
        ({"a b": largest}, ValueError, "one word.*got 'a b'"),
        ({"best_std": largest}, ValueError, "not end in `_std`, got 'best_std'"),
        ([cosine], ValueError, "its own, got 'cosine', of which there is a metric"),
        ([trial], ValueError, r"sweep\(metrics=.*'trial', the name of an axis"),
        ([largest, LARGEST], ValueError, r"metrics=.*must not repeat"),
        ({"x": Unhashable(jnp.ones(3))}, TypeError, "hashed, got a `Unhashable`"),
        (
            {"x": lambda right, retrieved: right},
            ValueError,
            r"one real number, got 'x', which gives float32\[6\] for values of dim.* 6",
        ),
        ({"x": lambda right, retrieved: (1.0, 2.0)}, ValueError, "gives tuple"),
        (
            {"x": lambda right, retrieved: jax.lax.complex(right[0], right[1])},
            ValueError,
            "gives complex64",
        ),
        (
            {"x": lambda right: right[0]},
            ValueError,
            r"metrics=.*that run, got 'x', which fails.*TypeError",
        ),
        (
            {"x": lambda right, retrieved: float(right[0])},
            ValueError,
            "which fails for values of dimension 6: ConcretizationTypeError",
        ),
    ),
)
def test_what_is_no_metric_is_refused(metrics, error, message):
    before = compiled_kernel.cache_info().misses
    with pytest.raises(error, match=message):
        am.sweep(RULES, **GRID, metrics=metrics)
    assert compiled_kernel.cache_info().misses == before


def test_values_that_are_not_drawn_have_none():
    with pytest.raises(ValueError, match="knows no expectation of 'largest'"):
        am.sweep(RULES, **GRID, metrics=["cosine", LARGEST], values="marginalized")
    with pytest.raises(ValueError, match="no metric 'largest'"):
        am.theory.predict(RULES, d=[4], n=[2], metrics=["largest"])


def test_a_range_has_a_width():
    with pytest.raises(ValueError, match=r"lowest=..., highest=.*in order, got 1 and"):
        OwnMetric(largest, lowest=1, highest=1)
