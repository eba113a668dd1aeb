"""A loop's body, less what is the same in every step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core
from jaxtyping import Array, Int


# Calls whose parts may be told apart, and where they keep what they call.
_CALLS = {"jit": "jaxpr", "custom_jvp_call": "call_jaxpr"}


class _Later:
    """Stands for an array that is known once the index is."""


class Hoisted:
    """A function of an index that computes what does not depend on it once, at first.

    In a loop over loads, what all loads share would be summed up again for each: that
    XLA takes a loop out of a loop was seen on a CPU with JAX 0.10, and no longer with
    0.12. The function is traced; where what it calls by `jax.jit` or
    `jax.custom_jvp` depends on the index in part, it is taken apart, and the derivative
    rule is lost.

    Attributes:
        like: shapes and types of the result.
        depends: for each of its arrays, whether it depends on the index.
    """

    def __init__(self, function: Callable[[Int[Array, ""]], Any]):
        """Trace the function, and compute what it can without the index."""
        zero = jnp.zeros((), jnp.int32)
        program, self.like = jax.make_jaxpr(function, return_shape=True)(zero)
        self._index, self._steps = _Later(), []
        leaves = self._run(program.jaxpr, program.consts, [self._index])
        self._result = jax.tree.unflatten(jax.tree.structure(self.like), leaves)
        self.depends = jax.tree.map(lambda x: isinstance(x, _Later), self._result)

    def __call__(self, index: Int[Array, ""]) -> Any:
        """The result for one index."""
        known = {self._index: index}
        value = lambda x: known[x] if isinstance(x, _Later) else x
        for compute, given, results in self._steps:
            known.update(zip(results, compute(*map(value, given)), strict=True))
        return jax.tree.map(value, self._result)

    def stacked(self, indices: Int[Array, " n"]) -> Any:
        """The results for some indices: arrays that depend on them have an axis more.

        The others, such as stored pairs themselves, are there once.
        """
        axes = jax.tree.map(lambda depends: 0 if depends else None, self.depends)
        return jax.vmap(self, out_axes=axes)(indices)

    def pick(self, stacked: Any, i: Int[Array, ""]) -> Any:
        """One of the results that are stacked."""
        at = lambda x: jax.lax.dynamic_index_in_dim(x, i, 0, False)
        take = lambda x, depends: at(x) if depends else x
        return jax.tree.map(take, stacked, self.depends)

    def _run(self, program: core.Jaxpr, constants, arguments) -> list:
        values = dict(zip(program.constvars, constants, strict=True))
        values |= zip(program.invars, arguments, strict=True)
        read = lambda x: x.val if isinstance(x, core.Literal) else values[x]
        for equation in program.eqns:
            given, name = list(map(read, equation.invars)), equation.primitive.name
            later = any(isinstance(x, _Later) for x in given)
            if later and name in _CALLS:
                called = equation.params[_CALLS[name]]
                results = self._run(called.jaxpr, called.consts, given)
            else:
                is_variable = lambda x: not isinstance(x, core.Literal)
                variables = list(filter(is_variable, equation.invars))
                given = list(map(read, variables))
                alone = program.replace(
                    constvars=[],
                    invars=variables,
                    outvars=equation.outvars,
                    eqns=[equation],
                )
                compute = core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))
                if later:
                    results = [_Later() for _ in equation.outvars]
                    self._steps.append((compute, given, results))
                else:
                    results = compute(*given)
            values |= zip(equation.outvars, results, strict=True)
        return list(map(read, program.outvars))
