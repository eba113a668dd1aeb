"""Values that are not drawn: the same means as with values, with less scatter."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import FEW, RULES, UNDRAWN, slow

import assocmem_jax as am
from assocmem_jax._core.sums import IndexedKeys, Weights
from assocmem_jax.metrics._expected import ExpectedAnswers
from assocmem_jax.study import _programs
from assocmem_jax.study._answers import Batch, asked
from assocmem_jax.study._expectation import expectation_of
from assocmem_jax.testing._compiled import quick
from assocmem_jax.theory import mean_cosine


GRID = {
    "d": [8, 16],
    "n": [1, 5, 8, 17, 40, 700],
    "trials": 12,
    "query_noise": [0.0, 0.5],
    "metrics": ("cosine", "distance", "squared_error"),
}
# What rounding in float32 leaves of a distance that is zero, in units of |v|.
FLOOR = 2e-3


@functools.cache
def studies(name, d):
    """With values that are drawn, and without; the cells of one rule."""
    grid = {**GRID, "d": [d]}
    return [
        am.sweep({name: RULES[name].rule}, values=x, **grid)
        for x in (None, "marginalized")
    ]


@pytest.mark.parametrize(
    "name, dimensions",
    (
        *((x, (8,)) for x in FEW),
        *(slow(x, (8, 16) if x in FEW else (8,)) for x in UNDRAWN),
    ),
)
def test_agrees_with_drawn_values_and_scatters_less(name, dimensions):
    for d in dimensions:
        assert_agreement(name, d)


def assert_agreement(name, d):
    for metric, scale in {
        "cosine": 1.0,
        "distance": 4.0,
        "squared_error": 16.0,
    }.items():
        drawn, known = (x[metric] for x in studies(name, d))
        error = np.sqrt((drawn.var("trial", ddof=1) + known.var("trial", ddof=1)) / 12)
        off = abs(drawn.mean("trial") - known.mean("trial"))
        assert (off < 4 * error + FLOOR * scale).all()
        # Most cells must be judged by their scatter, not by the allowance.
        assert (error > 0.1 * FLOOR * scale).mean() > 0.3
    drawn, known = (x["cosine"].sel(n=700) for x in studies(name, d))
    # Of the same keys: what values add to the scatter, and what they add by chance.
    added, trials = (drawn - known).std("trial", ddof=1), known.sizes["trial"]
    both = [x.std("trial", ddof=1) for x in (drawn, known)]
    assert (both[1] ** 2 < both[0] ** 2 + 8 * added * both[1] / trials**0.5).all()
    assert name == "Nearest" or (both[1] < both[0]).mean() > 0.7


@pytest.mark.parametrize(
    ("name", "block_sizes", "careful"),
    [
        *((name, (7,), careful) for name in FEW for careful in (False, True)),
        *(slow(name, (4, 512), True) for name in FEW),
        *(slow(name, (7,), True) for name in UNDRAWN if name not in FEW),
    ],
)
def test_weights_are_those_of_a_dense_computation(name, block_sizes, careful):
    rule, rng = RULES[name].rule, np.random.default_rng(3)
    keys = rng.standard_normal((30, 6)).astype(np.float32)
    query = jnp.asarray(keys[4] + 0.1)
    index, stored = jnp.arange(30, dtype=jnp.int32), jnp.ones(30, bool)
    rows = IndexedKeys(jnp.asarray(keys), index, stored)
    bare = eqx.tree_at(lambda x: x.values, am.Pairs(keys, keys), rows.keys[:, :0])
    table = bare if isinstance(rule, am.AbstractLinear) else rows
    loads = jnp.array([5, 20, 30], jnp.int32)
    batch = Batch(rows.rows(4, 1), index[4:5], query[None])
    for block_size in block_sizes:
        how = asked(rule, table, am.Fold(block_size), loads, True, careful)
        answer = quick()(lambda j: how.answers(how.memory_at(j), batch, j))  # noqa: B023
        for j, stored in enumerate(loads):
            weights = answer(jnp.int32(j))
            dense = RULES[name].definition(
                keys[:stored].astype(float), np.eye(stored), query[None].astype(float)
            )[0]
            assert isinstance(weights, Weights)
            unit = 1 if weights.unit is None else weights.unit
            assert careful == (weights.unit is not None)
            np.testing.assert_allclose(
                unit * weights.target, dense[4], rtol=2e-4, atol=1e-6
            )
            rest = np.delete(dense, 4)
            np.testing.assert_allclose(
                unit**2 * weights.noise,
                rest @ rest,
                rtol=1e-3,
                atol=1e-5 * (dense @ dense),
            )


@pytest.mark.parametrize("v", (1, 2, 3, 7, 16, 300))
def test_expected_scores(v):
    target = np.linspace(-2, 2, 41)[:, None]
    noise = np.geomspace(1e-8, 1e2, 21)
    both = [jnp.asarray(x, jnp.float32) for x in np.broadcast_arrays(target, noise)]
    weights = Weights(both[0], both[1], jnp.ones_like(both[0]))
    scores = ExpectedAnswers(weights, expectation_of(v))
    rho = target / np.sqrt(target**2 + noise)
    np.testing.assert_allclose(scores.cosine, mean_cosine(rho, v), atol=5e-6)
    squares = v * ((1 - target) ** 2 + noise)
    np.testing.assert_allclose(scores.squared_error, squares, rtol=1e-5, atol=1e-6)


def test_no_answer_has_no_cosine():
    zero = jnp.zeros(1, jnp.float32)
    assert ExpectedAnswers(Weights(zero, zero, zero + 1), expectation_of(4)).cosine == 0


def test_value_dimension_needs_no_new_program():
    _, known = studies("Softmax", 8)
    before = _programs.compiled_kernel.cache_info().misses
    grid = {**GRID, "d": [8], "values": "marginalized"}
    wide = am.sweep({"Softmax": RULES["Softmax"].rule}, **grid, v=5)
    assert _programs.compiled_kernel.cache_info().misses == before
    ratio = wide["squared_error"] / known["squared_error"].where(lambda x: x > 1)
    np.testing.assert_allclose((ratio / (5 / 8)).fillna(1), 1, rtol=1e-5)


class Plain(am.AbstractRule):
    """A rule that does not say what weights it gives to values."""

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        weigh = lambda block: fold.dot(query @ block.keys.T, block.values**2)
        return fold(weigh, jnp.add, memory)


class Features(am.AbstractLinear):
    """A linear rule whose memory is no matrix times the sum over keys."""

    def summarize(self, block, fold):
        return fold.dot(jnp.tanh(block.keys).T, block.values)

    def read(self, memory, query, fold=am.Fold()):
        return fold.dot(jnp.tanh(query), memory)


class Cubic(am.AbstractSeparation):
    """A rule of the caller's that multiplies values by weights."""

    def weigh(self, scores, mask):
        return None, scores**3


def test_a_rule_of_the_callers_own():
    grid = {"d": [8], "n": [3, 40], "trials": 30, "metrics": ("cosine",)}
    data = am.sweep({"cubic": Cubic()}, **grid, values="marginalized")["cosine"]
    expected = am.theory.polynomial_cosine(8, [3, 40], 3)
    error = data.std("trial", ddof=1).squeeze() / 30**0.5
    assert (abs(data.mean("trial").squeeze() - expected) < 4 * error).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    (
        ({"rules": {"odd": Features()}}, r"got 'odd', a `Features` that does not say"),
        ({"metrics": ("recall",)}, r"knows no expectation of 'recall'. Choose from"),
        (
            {"rules": {"odd": Plain()}},
            r"must know what weights .* got 'odd', a `Plain`.*draw values",
        ),
        ({"values": "marginalised"}, r"values=.*must be like"),
    ),
)
def test_bad_input(changed, message):
    given = {"rules": {"dot": am.DotProduct()}, "values": "marginalized", **changed}
    error = TypeError if changed.get("values") else ValueError
    with pytest.raises(error, match=message):
        am.sweep(given.pop("rules"), d=[4], n=[4], **given)


@pytest.mark.parametrize("values", (None, "keys", "marginalized"))
def test_keys_in_any_unit_are_measured_alike(values, rng):
    keys = rng.standard_normal((40, 8)).astype(np.float32)
    rules = {"dot": am.DotProduct(), "pseudoinverse": am.Pseudoinverse()}

    def cosine(unit):
        samples = am.patterns.Samples(keys * np.float32(unit))
        grid = {"d": [8], "n": [6, 20], "trials": 2, "metrics": ["cosine"]}
        return am.sweep(rules, ensemble=samples, values=values, **grid)["cosine"]

    plain = cosine(1)
    assert (plain > 0.3).all()
    for unit in (1e-12, 1e-7, 1e9):
        np.testing.assert_allclose(cosine(unit), plain, rtol=1e-4)
