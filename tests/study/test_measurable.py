"""Rules of a caller's own: measured rightly, or refused with the reason."""

import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am


class Plain(am.AbstractRule):
    """V^T K, by an expression that knows neither masks nor folds."""

    def write(self, pairs, fold=am.Fold()):
        return fold.dot(pairs.keys.T, pairs.values)

    def read(self, memory, query, fold=am.Fold()):
        return fold.dot(query, memory)


class Unmasked(am.AbstractRule):
    """A softmax that gives weight to rows that are not stored."""

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        def attend(block):
            weights = jnp.exp(fold.dot(block.keys, query))
            return jnp.sum(weights), fold.dot(weights, block.values)

        add = lambda a, b: jax.tree.map(operator.add, a, b)
        total, answer = fold(attend, add, memory)
        return answer / total


class Centered(Plain):
    """A rule that takes a mean over all rows, stored or not."""

    def write(self, pairs, fold=am.Fold()):
        return fold.dot(pairs.keys.T, pairs.values - pairs.values.mean(0)[None])


class Weak(Plain):
    """A mean over all rows that is small beside the rest of most answers."""

    def write(self, pairs, fold=am.Fold()):
        return super().write(pairs, fold), pairs.values.mean(0)

    def read(self, memory, query, fold=am.Fold()):
        return super().read(memory[0], query, fold) + 1e-3 * memory[1]


class Features(am.AbstractRule):
    """Cosines of random projections: arrays that fit one dimension of keys."""

    projection: jax.Array

    def write(self, pairs, fold=am.Fold()):
        def of_block(block):
            features = jnp.cos(fold.dot(block.keys, self.projection))
            return fold.dot(jnp.where(block.mask[:, None], features, 0).T, block.values)

        return fold(of_block, operator.add, pairs)

    def read(self, memory, query, fold=am.Fold()):
        return fold.dot(jnp.cos(fold.dot(query, self.projection)), memory)


class Learned(am.AbstractSeparation):
    """Scores of keys and queries that a network maps."""

    network: eqx.nn.MLP

    def scores(self, query, block, fold):
        return fold.dot(jax.vmap(self.network)(block.keys), self.network(query))

    def weigh(self, scores, mask):
        return None, scores


class Growing(Unmasked):
    """A rule that says that it looks at its memory, and keeps all pairs."""

    looks = "memory"


class Doubled(am.AbstractLinear):
    """A linear rule whose `left` is half of what it should be."""

    def summarize(self, block, fold):
        return 2 * fold.dot(block.keys.T, block.values)

    def left(self, gram, pairs, fold):
        return am.LeftFactor(None, gram)


def projection(d):
    return jax.random.normal(jax.random.key(0), (d, 16), jnp.float32)


def network(d):
    return eqx.nn.MLP(d, 4, 8, 1, key=jax.random.key(0), dtype=jnp.float32)


class Shifted(am.AbstractRule):
    """A rule that counts absent rows for some of its hyperparameters alone."""

    theta: jax.Array

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        def weigh(block):
            weights = jax.nn.relu(fold.dot(block.keys, query) - self.theta)
            return jnp.sum(weights), fold.dot(weights, block.values)

        add = lambda a, b: jax.tree.map(operator.add, a, b)
        total, answer = fold(weigh, add, memory)
        return answer / (1 + total)


class Counting(am.AbstractLinear):
    """A mean over pairs whose `left` counts rows that are not stored."""

    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values)

    def solve(self, summary, pairs, fold):
        return summary / fold.count(pairs).astype(summary.dtype)

    def left(self, gram, pairs, fold):
        root = jnp.eye(len(gram), dtype=gram.dtype) / pairs.num_rows**0.5
        return am.LeftFactor(root, gram / pairs.num_rows)


GRID = {"d": [8], "n": [4, 8], "trials": 4}


def test_a_rule_that_knows_no_mask_is_measured_as_it_is_where_zeros_do_not_count():
    rules = {"plain": Plain(), "dot": am.DotProduct()}
    cosine = am.sweep(rules, **GRID)["cosine"]
    np.testing.assert_allclose(
        cosine.sel(rule="plain"), cosine.sel(rule="dot"), rtol=1e-5
    )


def test_rules_may_hold_arrays_and_modules_of_one_dimension():
    rules = {"features": Features(projection(8)), "learned": Learned(network(8))}
    cosine = am.sweep(rules, **GRID)["cosine"].mean("trial")
    assert (cosine.sel(rule="features") > 0.5).all() and (cosine > 0.1).all()


def test_a_search_takes_a_rule_of_the_callers_own():
    found = am.search_capacity(
        {"f": Features(projection(8))}, d=[8], threshold=0.8, trials=4, limit=64
    )
    assert 2 < found["capacity"].item() < 64


@pytest.mark.parametrize(
    "rule, message",
    (
        (Unmasked(), r"'odd', which counts pairs that are not stored: of 21 pairs it "),
        (
            Centered(),
            r"counts pairs that are not stored.*where 1003 absent ones follow",
        ),
        (Weak(), "counts pairs that are not stored"),
        (Features(projection(16)), r"which fails at d = 8 with TypeError: .*\(16,\)"),
        (Growing(), r'declares `looks = "memory"`, and what `write` returns grows'),
    ),
)
@pytest.mark.parametrize("function", (am.sweep, am.search_capacity))
def test_rules_that_cannot_be_measured_are_refused(rule, message, function):
    more = {"n": [4]} if function is am.sweep else {"threshold": 0.5}
    expected = rf"`{function.__name__}\(rules=...\)` must hold.*{message}"
    with pytest.raises(ValueError, match=expected):
        function({"odd": rule}, d=[8], **more)


def test_weights_that_a_linear_rule_does_not_give_are_refused():
    with pytest.raises(ValueError, match="other weights to its values than its `left`"):
        am.sweep({"odd": Doubled()}, **GRID, values="marginalized")


def test_a_left_that_counts_absent_rows_is_refused():
    with pytest.raises(ValueError, match="other weights to its values than its `left`"):
        am.sweep({"odd": Counting()}, **GRID, values="marginalized")


def test_rules_are_tried_at_every_value_of_their_hyperparameters():
    rules = {"odd": Shifted(jnp.float32(0.0))}
    assert (am.sweep(rules, **GRID)["cosine"] > 0).all()
    with pytest.raises(ValueError, match="'odd', which counts pairs that are not stor"):
        am.sweep(rules, **GRID, vary={"theta": [-1.0, 0.0]})


def test_a_rule_may_choose_some_fixed_number_of_pairs():
    class Top(am.AbstractRule):
        """The mean of the values of the eight best keys."""

        def write(self, pairs, fold=am.Fold()):
            return pairs

        def read(self, memory, query, fold=am.Fold()):
            def best(scores, values):
                scores, index = jax.lax.top_k(scores, 8)
                return scores, values[index]

            def of_block(block):
                scores = jnp.where(block.mask, fold.dot(block.keys, query), -jnp.inf)
                pad = jnp.full(8, -jnp.inf, scores.dtype)
                rows = jnp.zeros((8, block.values.shape[1]), block.values.dtype)
                scores = jnp.concatenate([scores, pad])
                return best(scores, jnp.concatenate([block.values, rows]))

            def merge(a, b):
                return best(*(jnp.concatenate(x) for x in zip(a, b, strict=True)))

            scores, values = fold(of_block, merge, memory)
            return jnp.mean(values, axis=0)

    class Whole(Top):
        """The same, of all scores at once, as many as there are rows."""

        def read(self, memory, query, fold=am.Fold()):
            scores = jnp.where(memory.mask, memory.keys @ query, -jnp.inf)
            _, index = jax.lax.top_k(scores, 8)
            return jnp.mean(memory.values[index], axis=0)

    cosine = am.sweep({"top": Top(), "whole": Whole()}, d=[8], n=[8, 12], trials=2)
    one, other = cosine["cosine"]
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_an_answer_of_nan_among_absent_rows_is_named():
    class Unit(Plain):
        def write(self, pairs, fold=am.Fold()):
            norms = jnp.sqrt(jnp.sum(pairs.keys**2, axis=1, keepdims=True))
            return fold.dot((pairs.keys / norms).T, pairs.values)

    with pytest.raises(ValueError, match="and nan where 1003 absent ones follow"):
        am.sweep({"odd": Unit()}, **GRID)


def test_a_metric_of_another_definition_compiles_another_program():
    from assocmem_jax.metrics._table import METRICS, Metric

    rules, found = {"dot": am.DotProduct()}, []
    for number in (1.0, 2.0):
        constant = lambda answers, number=number: jnp.full(
            len(answers.values), number, answers.values.dtype
        )
        METRICS["constant"] = Metric("a constant", "constant", constant)
        found.append(am.sweep(rules, d=[4], n=[4], metrics=["constant"]))
        del METRICS["constant"]
    assert [float(data["constant"].mean()) for data in found] == [1, 2]


@pytest.mark.parametrize("loads", (4, (0,), (2.5,), "16", None))
def test_loads_at_which_a_rule_turns_are_whole_numbers(loads):
    class Turning(am.DotProduct):
        def critical_loads(self, d):
            return loads

    grid = {"d": [4], "n": [2, 4], "trials": 2, "query_noise": 0.1}
    with pytest.raises(ValueError, match=r"`sweep\(rules=.*critical_loads\(4\)"):
        am.sweep({"turning": Turning()}, **grid)
    with pytest.raises(ValueError, match=r"`search_capacity\(rules=.*critical_loads"):
        am.search_capacity({"turning": Turning()}, d=[4], threshold=0.5, trials=2)


def test_parts_of_the_callers_own_are_tried():
    class Odd(am.features.AbstractFeatures):
        """Features of keys of three coordinates alone."""

        def __call__(self, x):
            return x * jnp.ones(3, x.dtype)

    rules = {"odd": am.Mapped(am.DotProduct(), Odd())}
    assert am.sweep(rules, d=[3], n=[2])["cosine"].notnull().all()
    with pytest.raises(ValueError, match="'odd', which fails at d = 4"):
        am.sweep(rules, d=[3, 4], n=[2])
