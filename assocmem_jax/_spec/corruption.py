"""Corruption of queries: coordinates lost, signs flipped, noise added."""

from collections.abc import Mapping

from jaxtyping import Array, Float, Int, Key

from .._base import random
from .axes import corruptions


def corrupt(
    levels: Mapping[str, Float[Array, ""]],
    rng: Key[Array, ""],
    index: Int[Array, " b"],
    queries: Float[Array, "b d"],
) -> Float[Array, "b d"]:
    """Corrupt queries: mask, then flip, then add noise.

    The draws of each corruption depend on `rng`, the index of a query and d alone, so
    levels are paired: coordinates masked at 0.2 are among those masked at 0.4.

    Args:
        levels: how much, by axis; `axes` says what each does.
        rng: key made by `jax.random.key`, of the Threefry generator.
        index: which query of the draw each row is, from 0 to below 2**31.
        queries: the queries, one per row.

    Returns:
        The corrupted queries, of the dtype of `queries`.
    """
    chosen = {name: corruptions()[name] for name in levels}
    # In the order of the streams, whatever the order of the axes.
    for name, corruption in sorted(chosen.items(), key=lambda x: x[1].stream):
        stream = random.stream(rng, corruption.stream)
        queries = corruption.corrupt(levels[name], stream, index, queries)
    return queries
