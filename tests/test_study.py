"""Studies: numbers, structure, and what is refused."""

import json

import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import special

import assocmem_jax as am
from assocmem_jax._measure import Moments


RULES = {
    "pseudoinverse": am.Pseudoinverse(),
    "softmax": am.Softmax(),
    "ReLU": am.ReLU(),
    "dot product": am.DotProduct(),
}
GRID = {"d": [4, 8], "n": [2, 7, 8, 40, 700]}


@pytest.fixture(scope="module")
def dataset():
    return am.study.sweep(RULES, **GRID, seed=5)


def drawn(n, d, seed=5):
    """The pairs of a cell, as the study says it draws them."""
    streams = jax.random.split(jax.random.fold_in(jax.random.key(seed), d))
    return [np.asarray(am.patterns.Gaussian().draw(rng, n, d)) for rng in streams]


@pytest.mark.parametrize("name", RULES)
def test_every_cell_is_what_retrieve_gives(name, dataset):
    for d in GRID["d"]:
        for n in GRID["n"]:
            keys, values = drawn(n, d)
            answers = am.retrieve(RULES[name], keys, values, keys)
            cell = dataset.sel(rule=name, d=d, n=n)
            for metric, function in (
                ("cosine", am.metrics.cosine_similarity),
                ("distance", am.metrics.euclidean_distance),
            ):
                scores = np.asarray(function(values, answers), np.float64)
                # Rounding in float32, of numbers as large as the answers.
                scale = np.abs(answers).max() if metric == "distance" else 1.0
                for number, exact in (
                    (cell[metric], scores.mean()),
                    (cell[f"{metric}_std"], scores.std(ddof=1)),
                ):
                    assert abs(float(number) - exact) < 2e-5 * scale


def test_a_cell_does_not_depend_on_the_grid_around_it(dataset):
    alone = am.study.sweep({"ReLU": am.ReLU()}, d=[8], n=[8, 2, 700], seed=5)
    expected = dataset.sel(rule=["ReLU"], d=[8], n=[8, 2, 700])
    for name in alone:
        np.testing.assert_array_equal(alone[name], expected[name])
    other = am.study.sweep({"ReLU": am.ReLU()}, d=[8], n=[8, 2, 700], seed=6)
    assert not np.array_equal(other["cosine"], alone["cosine"])


def test_cosines_agree_with_theory():
    """Beta laws of the pseudoinverse and of the dot product, in standard errors."""
    d, n = 16, [24, 64, 500]
    rules = {name: RULES[name] for name in ("pseudoinverse", "dot product")}
    means = np.stack(
        [am.study.sweep(rules, d=[d], n=n, seed=seed)["cosine"] for seed in range(30)]
    )[:, :, 0]
    error = means.std(axis=0, ddof=1) / np.sqrt(len(means))
    expected = np.array(
        [
            [expected_cosine(d / 2, (size - d) / 2, d) for size in n],
            [expected_cosine(d / 2, (size - 1) / 2, d) for size in n],
        ]
    )
    assert np.all(np.abs(means.mean(axis=0) - expected) < 4 * error)


def expected_cosine(a, b, v):
    """Mean cosine where rho^2 is Beta(a, b) and values are Gaussian in v dimensions."""
    x, weights = special.roots_sh_jacobi(200, a + b - 1, a)
    rho = np.sqrt(x)
    factor = 2 / v * np.exp(2 * (special.gammaln((v + 1) / 2) - special.gammaln(v / 2)))
    cosine = factor * rho * special.hyp2f1(0.5, 0.5, v / 2 + 1, x)
    return weights @ cosine / weights.sum()


def test_up_to_d_pairs_the_pseudoinverse_is_exact(dataset):
    exact = dataset.sel(rule="pseudoinverse").where(dataset["n"] <= dataset["d"])
    assert float(exact["cosine"].min()) > 1 - 1e-6


def test_loads_and_hyperparameters_do_not_recompile():
    before = am.study._program.cache_info().misses
    for beta, n in ((0.3, [3, 90]), (0.7, [90, 5]), (0.3, [6, 90])):
        am.study.sweep(
            {"softmax": am.Softmax(beta)}, d=[3, 5], n=n, seed=int(10 * beta)
        )
    assert am.study._program.cache_info().misses - before == 2


def test_dataset_describes_itself(dataset):
    assert dataset["cosine"].dims == ("rule", "d", "n")
    for variable in dataset.variables.values():
        assert variable.attrs["long_name"]
    for name in ("cosine", "cosine_std", "distance", "distance_std", "d", "n"):
        assert dataset[name].attrs["units"] == "1"
    spec = json.loads(dataset.attrs["spec"])
    assert spec["d"] == GRID["d"] and spec["n"] == GRID["n"] and spec["seed"] == 5
    assert dataset.attrs["dtype"] == "float32"
    assert dataset.attrs["precision"] == "highest"
    assert dataset.attrs["jax"] == jax.__version__


@pytest.mark.parametrize(
    "changed, error, message",
    (
        ({"rules": {}}, ValueError, "rules=.*must not be empty"),
        ({"d": []}, ValueError, "d=.*must not be empty"),
        ({"n": []}, ValueError, "n=.*must not be empty"),
        ({"n": [4, 0]}, ValueError, "n=.*at least 1, got 0"),
        ({"d": [-1]}, ValueError, "d=.*at least 1, got -1"),
        ({"d": [4, 4]}, ValueError, "d=.*must not repeat"),
        ({"n": [2.5]}, TypeError, "n=.*whole number, got 2.5|Type-check"),
        ({"seed": 1.5}, TypeError, "seed=.*whole number, got 1.5|Type-check"),
        ({"rules": {"x": "softmax"}}, TypeError, "must map names to rules|Type-check"),
    ),
)
def test_what_is_no_grid_is_refused(changed, error, message):
    arguments = {"rules": {"ReLU": am.ReLU()}, "d": [4], "n": [4], **changed}
    with pytest.raises(error, match=message):
        am.study.sweep(**arguments)


def test_moments_merge_as_one_sample(rng):
    x = 1e4 + rng.standard_normal((2, 90))
    mask = rng.random(90) < 0.7
    mask[20:40] = False
    blocks = [(x[:, i : i + 20], mask[i : i + 20]) for i in range(0, 90, 20)]
    parts = [Moments.of(*map(jnp.asarray, block)) for block in blocks]
    total = parts[0]
    for part in parts[1:]:
        total = total.merge(part)
    np.testing.assert_allclose(total.mean, x[:, mask].mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(total.std, x[:, mask].std(axis=1, ddof=1), rtol=1e-9)
    assert int(total.count) == mask.sum()


def test_curves_draw_the_numbers_and_leave_the_style_alone(dataset):
    before = dict(mpl.rcParams)
    _, ax = plt.subplots()
    data = dataset.sel(d=8)
    assert am.plot.curves(data, "cosine", hue="rule", ax=ax) is ax
    for line, name in zip(ax.get_lines(), RULES, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), GRID["n"])
        np.testing.assert_array_equal(line.get_ydata(), data["cosine"].sel(rule=name))
        assert line.get_label() == name
    assert ax.get_xscale() == "log" and "cosine" in ax.get_ylabel()
    with am.plot.style():
        am.plot.curves(dataset.sel(rule="ReLU"), "distance", hue="d")
    assert dict(mpl.rcParams) == before
    plt.close("all")


def test_curves_say_which_dimension_is_left(dataset):
    with pytest.raises(ValueError, match="over `rule`, `d`, `n`. Select one"):
        am.plot.curves(dataset, "cosine", hue="rule")


def test_numpy_integers_are_whole_numbers_and_hyperparameters_are_recorded():
    rules = {"softmax": am.Softmax(0.3)}
    data = am.study.sweep(rules, d=np.array([4]), n=np.array([4, 8]), seed=np.int64(3))
    spec = json.loads(data.attrs["spec"])
    assert spec["n"] == [4, 8] and "0.3" in spec["rules"]["softmax"]


@pytest.mark.parametrize("seed", (-1, 2**32))
def test_seeds_that_would_repeat_are_refused(seed):
    with pytest.raises(ValueError, match=r"seed=.*below 2\*\*32, got"):
        am.study.sweep(RULES, **GRID, seed=seed)


@pytest.mark.parametrize(
    "changed, message",
    (
        ({"d": 4}, r"sweep\(d=.*must be like `\[16, 32\]`, got 4"),
        ({"n": 4}, r"sweep\(n=.*must be like `\[4, 8\]`, got 4"),
        ({"rules": [am.ReLU()]}, r"sweep\(rules=.*must be like"),
        ({"ensemble": "gaussian"}, r"ensemble=.*like `Gaussian\(\)`, got 'gaussian'"),
    ),
)
def test_arguments_of_another_kind_are_named(changed, message):
    # Where annotations are checked, they speak first.
    with pytest.raises(TypeError, match=f"{message}|Type-check error"):
        am.study.sweep(**{"rules": RULES, **GRID, **changed})


def test_absent_pairs_do_not_count_even_where_a_rule_answers_nan():
    class Normalized(am.AbstractRule[am.Pairs]):
        """Asks in the direction of the query, which a row of padding does not have."""

        def write(self, pairs, fold=am.Fold()):
            return pairs

        def read(self, memory, query, fold=am.Fold()):
            return am.DotProduct().write(memory, fold) @ (
                query / jnp.linalg.norm(query)
            )

    data = am.study.sweep({"normalized": Normalized()}, **GRID)
    plain = am.study.sweep({"plain": am.DotProduct()}, **GRID)
    cosines = data["cosine"].values, plain["cosine"].values
    np.testing.assert_allclose(*cosines, atol=1e-5)
