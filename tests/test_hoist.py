"""Functions of an index: the same answers, and the rest computed once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from assocmem_jax import Fold, Pairs, Pseudoinverse
from assocmem_jax._hoist import Hoisted


def count_loops(program) -> int:
    """Loops in a traced program, inside of loops and branches too."""
    inner = core.jaxprs_in_params
    return sum(
        (equation.primitive.name == "while")
        + sum(count_loops(x) for x in inner(equation.params))
        for equation in program.eqns
    )


real = lambda j: j.astype(jnp.float64)


@jax.custom_jvp
def doubled(x):
    return 2 * x


doubled.defjvp(lambda primals, tangents: (doubled(*primals), doubled(*tangents)))


def branches(x):
    return lambda j: jax.lax.cond(j > 1, lambda: x + real(j), lambda: x)


def repeats(x):
    def function(j):
        # The same variable twice, one call made twice, results that nobody reads.
        y = jnp.where(j > 0, x, 0.0)
        total, _ = jax.lax.while_loop(
            lambda s: s[1] < j, lambda s: (s[0] + y, s[1] + 1), (y * y, jnp.int32(0))
        )
        return {"total": total, "again": jnp.where(j > 1, x, 0.0)}

    return function


FUNCTIONS = {
    "both": lambda x: lambda j: (doubled(x), doubled(x * real(j)) + jnp.sin(x)),
    "index alone": lambda x: lambda j: j,
    "not the index": lambda x: lambda j: (x, jnp.float64(3)),
    "branches": branches,
    "repeats": repeats,
    "called": lambda x: lambda j: jax.jit(lambda a, b: (a * real(b), a))(x, j),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("traced", (False, True))
def test_answers_are_those_of_the_function(name, traced):
    def answers(x):
        function = FUNCTIONS[name](x)
        each = jnp.arange(4, dtype=jnp.int32)
        hoisted = Hoisted(function)
        return [jax.lax.map(f, each) for f in (hoisted, function)]

    x = jnp.arange(3.0)
    got, expected = jax.jit(answers)(x) if traced else answers(x)
    jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_calls_are_taken_apart():
    x = jnp.arange(3.0)
    called = jax.jit(lambda a, b: (a * real(b), a + 1))
    assert Hoisted(lambda j: called(x, j)).depends == (True, False)


def test_it_says_what_depends_on_the_index():
    hoisted = Hoisted(lambda j: {"a": jnp.zeros(2), "b": j + 1, "c": jnp.ones(3)})
    assert hoisted.depends == {"a": False, "b": True, "c": False}


def test_of_many_results_what_is_the_same_is_there_once():
    x = jnp.arange(3.0)
    hoisted = Hoisted(lambda j: {"a": x, "b": x + real(j), "c": None})
    stacked = hoisted.stacked(jnp.array([0, 5, 7], jnp.int32))
    assert stacked["a"].shape == (3,) and stacked["b"].shape == (3, 3)
    picked = hoisted.pick(stacked, jnp.int32(1))
    np.testing.assert_array_equal(picked["a"], x)
    np.testing.assert_array_equal(picked["b"], x + 5)
    assert picked["c"] is None


def test_sums_over_the_pairs_are_left_out_of_a_loop_over_loads(rng):
    keys = jnp.asarray(rng.standard_normal((64, 4)))
    loads = jnp.array([8, 32, 64], jnp.int32)

    def loops(wrap):
        def body(j):
            fold = Fold(block_size=8).over(loads, j)
            return Pseudoinverse().write(Pairs(keys, keys), fold).weights

        def study(j):
            function = wrap(body)
            return jax.lax.map(function, jnp.arange(3, dtype=jnp.int32))

        program = jax.make_jaxpr(study)(0).jaxpr
        (scan,) = [x for x in program.eqns if x.primitive.name == "scan"]
        return count_loops(program), count_loops(scan.params["jaxpr"].jaxpr)

    total, inside = loops(lambda body: body)
    assert inside == total
    hoisted_total, hoisted_inside = loops(Hoisted)
    # What is left is the decomposition of those that Gram matrices do not suffice for.
    assert hoisted_total == total and hoisted_inside == total - 1
