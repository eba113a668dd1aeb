"""Functions of one element that batches take in two ways: one by one, or at once.

`jax.vmap` turns the decisions of a function into both of their branches, for every
element. Where one branch is rare and long, as with decompositions of matrices that may
be singular, that is not what a batch should do.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap, sequential_vmap
from jax.lax import platform_dependent
from jaxtyping import Array


# For each leaf of the arguments, which axes of the batch it has, outermost first.
Held = tuple[tuple[bool, ...], ...]


def by_platform(solve: Callable, quick: Callable, careful: Callable) -> Callable:
    """`solve`, as a function that `jax.vmap` maps in the way that suits the platform.

    On a CPU, one element at a time: decompositions of batches that run side by side can
    wait for each other for ever on two cores (seen with jaxlib 0.10.2). Elsewhere all
    at once, by `quick`, and then by `careful` those elements alone that need it.

    Args:
        solve: the function of one element.
        quick: the same without a decision: its result, and whether that is trusted.
        careful: the same where it is not trusted.
    """
    one_by_one = sequential_vmap(solve)
    solve = custom_vmap(solve)

    @solve.def_vmap
    def rule(size: int, in_batched: Any, *args: Any):
        leaves, tree = jax.tree.flatten(args)
        held = tuple((has,) for has in jax.tree.leaves(in_batched))
        of_leaves = lambda function: lambda *leaves: function(*tree.unflatten(leaves))
        out = platform_dependent(
            *leaves,
            cpu=_mapped(of_leaves(one_by_one), held),
            default=_at_once(of_leaves(quick), of_leaves(careful), (size,), held),
        )
        return out, jax.tree.map(lambda _: True, out)

    return solve


def _at_once(
    quick: Callable, careful: Callable, sizes: tuple[int, ...], held: Held
) -> Callable:
    """The function of a whole batch, of one axis or of several.

    An argument that an axis of the batch shares is never repeated along it.
    """

    @custom_vmap
    def solve(*leaves: Array):
        out, trusted = _mapped(quick, held)(*leaves)
        trusted = trusted.reshape(-1)
        # Those that are not trusted come first.
        place = jnp.argsort(trusted)

        def step(i, out):
            at = jnp.unravel_index(place[i], sizes)
            one = [_entry(x, at, has) for x, has in zip(leaves, held, strict=True)]
            put = lambda x, y: x.at[at].set(y)
            return jax.tree.map(put, out, careful(*one))

        num_left = jnp.sum(~trusted, dtype=jnp.int32)
        return jax.lax.fori_loop(0, num_left, step, out)

    @solve.def_vmap
    def rule(size: int, in_batched: Any, *leaves: Array):
        more = zip(in_batched, held, strict=True)
        deeper = tuple((outer, *inner) for outer, inner in more)
        out = _at_once(quick, careful, (size, *sizes), deeper)(*leaves)
        return out, jax.tree.map(lambda _: True, out)

    return solve


def _mapped(function: Callable, held: Held) -> Callable:
    """A function of leaves, over all axes of a batch."""
    for axis in zip(*(has[::-1] for has in held), strict=True):
        in_axes = tuple(0 if has else None for has in axis)
        function = jax.vmap(function, in_axes)
    return function


def _entry(x: Array, at: tuple[Array, ...], has: tuple[bool, ...]) -> Array:
    """The leaf of one element."""
    for i in (i for i, held in zip(at, has, strict=True) if held):
        x = jax.lax.dynamic_index_in_dim(x, i, keepdims=False)
    return x
