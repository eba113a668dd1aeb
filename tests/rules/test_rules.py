"""Laws that every rule obeys."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import (
    RULES,
    assert_close,
    equations,
    every_rule,
    largest_intermediate,
    make_pairs,
)
from jax import export
from jax.sharding import AxisType
from jax.test_util import check_grads

import assocmem_jax as am


P = jax.sharding.PartitionSpec
# Fewer pairs than dimensions, as many, and more: up to 2 d, and beyond.
every_load = pytest.mark.parametrize("n", (1, 3, 5, 9, 13, 40))


def test_every_public_rule_is_in_the_table():
    public = {
        name
        for name, thing in vars(am).items()
        if inspect.isclass(thing)
        and issubclass(thing, am.AbstractRule)
        and not inspect.isabstract(thing)
    }
    assert public == set(RULES)


@every_rule
@every_load
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_equals_its_definition(name, n, dtype, rng):
    arrays = make_pairs(rng, n=n, dtype=dtype)
    out = am.retrieve(RULES[name].rule, *arrays)
    assert out.dtype == dtype
    exact = RULES[name].definition(*(x.astype(np.float64) for x in arrays))
    assert_close(out, exact)


@every_rule
def test_works_in_half_precision(name, rng):
    keys, values, queries = make_pairs(rng)
    arrays = [jnp.asarray(x, jnp.bfloat16) for x in (keys, values, queries)]
    out = am.retrieve(RULES[name].rule, *arrays)
    assert out.dtype == jnp.bfloat16
    exact = RULES[name].definition(*(np.asarray(x, np.float64) for x in arrays))
    # Sums of 13 bfloat16 terms, 8 bits each.
    assert np.abs(out.astype(float) - exact).max() < 0.05 * np.abs(exact).max()


@every_rule
def test_one_pair_one_query_one_dimension(name):
    out = am.retrieve(RULES[name].rule, [[2.0]], [[3.0]], [[2.0]])
    exact = RULES[name].definition(*np.array([[[2.0]], [[3.0]], [[2.0]]]))
    assert_close(out, exact)


@every_rule
@every_load
@pytest.mark.parametrize("block_size", (1, 4, 13, 64, None))
def test_block_size_does_not_matter(name, n, block_size, rng):
    arrays = make_pairs(rng, n=n)
    rule = RULES[name].rule
    out = am.retrieve(rule, *arrays, fold=am.Fold(block_size), query_batch=3)
    assert_close(out, am.retrieve(rule, *arrays))


@every_rule
@pytest.mark.parametrize("query_batch", (1, 2, 7, 100))
def test_query_batch_does_not_matter(name, query_batch, rng):
    arrays = make_pairs(rng)
    rule = RULES[name].rule
    out = am.retrieve(rule, *arrays, query_batch=query_batch)
    assert_close(out, am.retrieve(rule, *arrays))


@every_rule
@every_load
def test_order_of_pairs_does_not_matter(name, n, rng):
    keys, values, queries = make_pairs(rng, n=n)
    order = rng.permutation(n)
    rule = RULES[name].rule
    out = am.retrieve(rule, keys[order], values[order], queries, fold=am.Fold(4))
    assert_close(out, am.retrieve(rule, keys, values, queries, fold=am.Fold(4)))


@every_rule
@pytest.mark.parametrize("n", (6, 10, 40))
@pytest.mark.parametrize("garbage", (0.0, 1e30, np.nan))
def test_masked_pairs_are_absent(name, n, garbage, rng):
    keys, values, queries = make_pairs(rng, n=n)
    # The second block of four has no pair present.
    mask = rng.random(n) < 0.6
    mask[:4], mask[4:8] = True, False
    rule = RULES[name].rule
    expected = am.retrieve(rule, keys[mask], values[mask], queries)
    keys[~mask], values[~mask] = garbage, garbage
    for fold in (am.Fold(4), am.Fold(None)):
        out = am.retrieve(rule, keys, values, queries, mask=mask, fold=fold)
        assert_close(out, expected)


@every_rule
def test_no_pair_answers_zero(name, rng):
    keys, values, queries = make_pairs(rng)
    mask = np.zeros(len(keys), bool)
    out = am.retrieve(RULES[name].rule, keys, values, queries, mask=mask)
    assert not out.any()


@every_rule
@pytest.mark.parametrize("stop", (1, 3, 4, 5, 9, 10, 11, 29, 40))
@pytest.mark.parametrize("block_size", (4, 16, "auto", None))
def test_a_stop_known_at_run_time_is_a_prefix(name, stop, block_size, rng):
    keys, values, queries = make_pairs(rng, n=40)
    mask = rng.random(40) < 0.9
    mask[0] = True
    rule = RULES[name].rule
    pairs = am.Pairs(keys, values, mask)

    @jax.jit
    def answer(stop):
        fold = am.Fold(block_size, stop=stop)
        memory = rule.write(pairs, fold)
        return jax.vmap(lambda query: rule.read(memory, query, fold))(queries)

    shorter = (keys[:stop], values[:stop], queries)
    expected = am.retrieve(rule, *shorter, mask=mask[:stop])
    assert_close(answer(jnp.asarray(stop, jnp.int32)), expected)


@every_rule
@pytest.mark.parametrize("n", (12, 40))
@pytest.mark.parametrize("stop", (3, 9, 12))
def test_derivatives_at_a_stop_are_those_of_the_prefix(name, n, stop, rng):
    arrays = make_pairs(rng, n=n, d=16)
    tangents = make_pairs(rng, n=n, d=16)
    rule = RULES[name].rule

    def answer(keys, values, queries):
        fold = am.Fold(4, stop=jnp.asarray(stop, jnp.int32))
        memory = rule.write(am.Pairs(keys, values), fold)
        return jax.vmap(lambda query: rule.read(memory, query, fold))(queries)

    shorter = lambda keys, values, queries: am.retrieve(
        rule, keys[:stop], values[:stop], queries
    )
    primals = tuple(jnp.asarray(x) for x in arrays)
    _, change = jax.jvp(answer, primals, tangents)
    _, expected = jax.jvp(shorter, primals, tangents)
    assert_close(change, expected, scale=10)


@every_rule
@pytest.mark.parametrize("n", (4, 8, 40))
def test_shards_do_not_matter(name, n, rng):
    keys, values, queries = make_pairs(rng, n=n)
    rule = RULES[name].rule
    mask = rng.random(n) < 0.8
    mesh = jax.make_mesh((2,), ("pairs",), axis_types=(AxisType.Auto,))

    def local(keys, values, mask, queries):
        fold = am.Fold(3, axis_name="pairs")
        return am.retrieve(rule, keys, values, queries, mask=mask, fold=fold)

    sharded = jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(P("pairs"), P("pairs"), P("pairs"), P()),
        out_specs=P(),
        check_vma=False,
    )
    out = jax.jit(sharded)(keys, values, mask, queries)
    assert_close(out, am.retrieve(rule, keys, values, queries, mask=mask))


@every_rule
@pytest.mark.parametrize("n", (3, 9, 40))
def test_vmap_is_a_loop(name, n, rng):
    rule = RULES[name].rule
    trials = [make_pairs(rng, n=n) for _ in range(3)]
    # One of them takes another path than the others.
    trials[1][0][-1] = trials[1][0][0]
    batch = [np.stack(arrays) for arrays in zip(*trials, strict=True)]
    out = jax.vmap(lambda *arrays: am.retrieve(rule, *arrays))(*batch)
    for one, arrays in zip(out, trials, strict=True):
        assert_close(one, am.retrieve(rule, *arrays))


@every_rule
@pytest.mark.parametrize("n", (3, 5, 9, 13))
def test_gradients_are_finite_differences(name, n, rng):
    arrays = make_pairs(rng, n=n, m=2)
    rule = RULES[name].rule
    fn = lambda *arrays: am.retrieve(rule, *arrays, fold=am.Fold(4))
    # Central differences: step^2 of truncation, 1e-16 / step of rounding.
    options = {"eps": 1e-5, "atol": 1e-7, "rtol": 1e-7}
    check_grads(fn, arrays, order=1, modes=("fwd", "rev"), **options)


@every_rule
def test_gradients_ignore_masked_pairs(name, rng):
    keys, values, queries = make_pairs(rng)
    mask = np.arange(len(keys)) < 9

    def loss(keys, values):
        rule = RULES[name].rule
        return jnp.sum(am.retrieve(rule, keys, values, queries, mask=mask) ** 2)

    for gradient in jax.grad(loss, (0, 1))(keys, values):
        assert not gradient[~mask].any()
        assert np.all(np.isfinite(gradient)) and gradient[mask].any()


@every_rule
@pytest.mark.parametrize(
    "options",
    ({"fold": am.Fold(16), "query_batch": 32}, {}),
    ids=("explicit", "default"),
)
def test_never_holds_all_scores(name, options, rng):
    n, m = 512, 256
    fn = lambda *arrays: am.retrieve(RULES[name].rule, *arrays, **options)
    arrays = make_pairs(rng, n=n, d=4, v=3, m=m)
    assert largest_intermediate(fn, *arrays) < n * m // (16 if options else 3)
    # A gradient keeps the scores of one batch, and with default sizes four make all.
    gradient = jax.grad(lambda *arrays: jnp.sum(fn(*arrays) ** 2), (0, 1, 2))
    assert largest_intermediate(gradient, *arrays) < n * m // (7 if options else 2)


@every_rule
def test_holds_all_scores_where_asked(name, rng):
    n, m = 512, 256
    fn = lambda *arrays: am.retrieve(RULES[name].rule, *arrays, fold=am.Fold(None))
    largest = largest_intermediate(fn, *make_pairs(rng, n=n, d=4, v=3, m=m))
    assert (largest >= n * m) == RULES[name].streams


@every_rule
def test_never_holds_a_matrix_of_pairs(name, rng):
    n, d = 512, 4
    rule = RULES[name].rule
    write = lambda keys, values: rule.write(am.Pairs(keys, values))
    keys, values, _ = make_pairs(rng, n=n, d=d, v=3)
    # Keys and values side by side, below a triangle of d rows.
    assert largest_intermediate(write, keys, values) <= (n + d) * (d + 3)


@every_rule
def test_new_hyperparameters_do_not_recompile(name, rng):
    arrays = make_pairs(rng)
    traces = 0

    @jax.jit
    def retrieve(rule, *arrays):
        nonlocal traces
        traces += 1
        return am.retrieve(rule, *arrays)

    rule = RULES[name].rule
    outs = []
    for factor in (1.0, 2.0, 3.5):
        other = jax.tree.map(lambda x: factor * x, rule)  # noqa: B023
        outs.append(retrieve(other, *arrays))
    assert traces == 1
    if jax.tree.leaves(rule):
        assert not np.allclose(outs[0], outs[1])


@every_rule
@pytest.mark.parametrize("scale", (1e-12, 1e-3, 1e3, 1e8))
def test_extreme_arguments_stay_finite(name, scale, rng):
    keys, values, queries = make_pairs(rng, dtype=np.float32)
    for size in (3, 13):
        out = am.retrieve(
            RULES[name].rule,
            np.float32(scale) * keys[:size],
            values[:size],
            np.float32(scale) * queries,
        )
        assert np.all(np.isfinite(out))


@every_rule
def test_products_are_of_full_precision(name, rng):
    fn = lambda *arrays: am.retrieve(RULES[name].rule, *arrays).sum()
    arrays = make_pairs(rng, n=40, dtype=np.float32)
    for traced in (fn, jax.grad(fn, (0, 1, 2))):
        products = [
            eqn.params["precision"]
            for eqn in equations(traced, *arrays)
            if eqn.primitive.name == "dot_general"
        ]
        highest = jax.lax.Precision.HIGHEST
        assert products and set(products) == {(highest, highest)}


@every_rule
@pytest.mark.parametrize("platform", ("cuda", "tpu"))
@pytest.mark.parametrize("n", (5, 40))
def test_lowers_for_accelerators(name, platform, n, rng):
    arrays = make_pairs(rng, n=n, d=8, dtype=np.float32)
    fn = jax.jit(lambda *arrays: am.retrieve(RULES[name].rule, *arrays))
    exported = export.export(fn, platforms=[platform])(*arrays)
    assert exported.platforms == (platform,)


@every_rule
def test_rules_are_pytrees_without_surprises(name):
    rule = RULES[name].rule
    leaves, tree = jax.tree.flatten(rule)
    assert eqx.tree_equal(jax.tree.unflatten(tree, leaves), rule)
    assert hash(tree) == hash(jax.tree.structure(rule))
