"""Linear rules of features: kernels, laws of other rules, and what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, elu, largest_intermediate, make_pairs, ridge, slow

import assocmem_jax as am
from assocmem_jax import features
from assocmem_jax.testing._laws import LAWS


def of(phi):
    """The features of the rows of an array."""
    return lambda x: np.asarray(jax.vmap(phi)(jnp.asarray(x)))


KERNELS = {
    "square": (features.Monomials(), lambda s: s**2),
    "cube": (features.Monomials(3), lambda s: s**3),
    "keys": (features.Monomials(1), lambda s: s),
    "Taylor": (features.Taylor(), lambda s: 1 + s + s**2 / 2),
}


@pytest.mark.parametrize("name", KERNELS)
def test_features_of_a_kernel_answer_as_the_kernel(name, rng):
    phi, kernel = KERNELS[name]
    keys, values, queries = make_pairs(rng)
    out = am.retrieve(am.Mapped(am.DotProduct(), phi), keys, values, queries)
    assert_close(out, kernel(queries @ keys.T) @ values)


squares = of(features.Monomials())
RULES = {
    "ridge": (
        am.Mapped(am.Ridge(0.3), features.ELU()),
        lambda K, V, Q: elu(Q) @ ridge(elu(K), V, 0.3),
    ),
    "pseudoinverse": (
        am.Mapped(am.Pseudoinverse(), features.Taylor()),
        lambda K, V, Q: (
            of(features.Taylor())(Q)
            @ np.linalg.pinv(of(features.Taylor())(K), rcond=1e-10)
            @ V
        ),
    ),
    "twice": (
        am.Mapped(am.Mapped(am.Ridge(0.3), features.Monomials()), features.ELU()),
        lambda K, V, Q: squares(elu(Q)) @ ridge(squares(elu(K)), V, 0.3),
    ),
}
# What features change: where keys are looked at, counted, differentiated, and spread.
SEEN = ("definition", "masks", "stops", "prefixes", "weights", "gradients", "tangents")
SLOW = ("half", "blocks", "nothing", "nans", "vmap", "shards", "adjoints", "platforms")


@pytest.mark.parametrize("law", (*SEEN, *map(slow, SLOW)))
@pytest.mark.parametrize("name", ("ridge", *map(slow, ("pseudoinverse", "twice"))))
def test_rules_of_features_obey(name, law):
    LAWS[law](*RULES[name], d=3, v=2)


def test_a_write_holds_the_features_of_a_block_alone(rng):
    n, d = 4096, 8
    keys, values, _ = make_pairs(rng, n=n, d=d, v=2)
    rule = am.Mapped(am.Pseudoinverse(), features.Monomials(3))
    width = rule.features.dimension(d)
    write = lambda *pairs: rule.write(am.Pairs(*pairs), am.Fold(16)).weights
    assert largest_intermediate(write, keys, values) < n * width // 3


def test_hyperparameters_of_features_have_a_derivative(rng):
    keys, values, queries = make_pairs(rng)

    def loss(scale, rule):
        mapped = am.Mapped(rule, features.RandomFourier(9, scale=scale))
        return jnp.sum(am.retrieve(mapped, keys, values, queries) ** 2)

    for rule in (am.DotProduct(), am.Ridge(0.4)):
        slope = jax.jit(jax.grad(loss))(1.3, rule)
        step = 1e-5
        difference = (loss(1.3 + step, rule) - loss(1.3 - step, rule)) / (2 * step)
        np.testing.assert_allclose(slope, difference, rtol=1e-7)


def test_studies_of_several_dimensions_draw_frequencies_for_each():
    phi = features.RandomFourier(64, scale=4.0)
    study = am.sweep({"kernel": am.Mapped(am.DotProduct(), phi)}, d=[8, 16], n=[4, 32])
    assert study["cosine"].notnull().all()
    assert "RandomFourier(num=64, seed=0, scale=4.0)" in study.attrs["spec"]


def test_answers_to_marginalized_values_are_those_to_drawn_ones():
    rules = {"ridge": am.Mapped(am.Ridge(2.0), features.Rectified())}
    options: dict[str, Any] = {
        "d": [12],
        "n": [4, 12, 40],
        "query_noise": [0.0, 0.4],
        "v": 400,
    }
    drawn = am.sweep(rules, **options, trials=12)["cosine"]
    expected = am.sweep(rules, **options, trials=12, values="marginalized")["cosine"]
    off = (drawn - expected).mean("trial")
    error = (drawn - expected).std("trial", ddof=1) / np.sqrt(12)
    assert (abs(off) < 5 * error + 1e-4).all()


def test_what_is_not_linear_is_refused():
    message = (
        r"`Mapped\(rule=...\)` must be a linear rule such as `DotProduct\(\)`, got"
    )
    with pytest.raises(TypeError, match=f"{message} Softmax.*`similarity`"):
        am.Mapped(am.Softmax(), features.ELU())  # pyright: ignore
    message = r"`Mapped\(features=...\)` must be a feature map, got <.*`features.ELU\("
    with pytest.raises(TypeError, match=message):
        am.Mapped(am.DotProduct(), jnp.tanh)  # pyright: ignore


def test_numbers_of_the_rule_and_of_the_features_are_varied():
    mapped = am.Mapped(am.Ridge(1.0), features.RandomFourier(8))
    rules = {"mapped": mapped, "ridge": am.Ridge(1.0)}
    axes = {"penalty": [0.1, 100.0], "scale": [0.5, 1.0], "num": [4, 8]}
    study = am.sweep(rules, d=[4], n=[8], vary=axes)
    for penalty, scale, num in ((0.1, 0.5, 8), (100.0, 1.0, 4)):
        alone = am.Mapped(am.Ridge(penalty), features.RandomFourier(num, scale=scale))
        expected = am.sweep({"mapped": alone}, d=[4], n=[8])["cosine"]
        at = {"rule": "mapped", "penalty": penalty, "scale": scale, "num": num}
        np.testing.assert_array_equal(study["cosine"].sel(at), expected[0])
    # A rule without features is the same along their axes.
    own = study["cosine"].sel(rule="ridge")
    assert own.std("num").max() == own.std("scale").max() == 0
    assert own.std("penalty").min() > 0
