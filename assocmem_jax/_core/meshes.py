"""Arrays whose types say how they are spread over a mesh."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec as P, auto_axes


def automatic(fn: Callable, given: tuple, like: jax.Array) -> Any:
    """What a function makes of some arrays, whose sharding inside is XLA's to choose.

    On a mesh of explicit axes every product would have to say how its result is spread,
    which a rule that knows neither shards nor blocks cannot do.

    Args:
        fn: a function of the arrays to an array, one row for each of `like`.
        given: its arguments, trees of arrays.
        like: the rows are spread like those of this array.
    """
    meshes = [jax.typeof(x).sharding.mesh for x in jax.tree.leaves(given)]
    mesh = next((mesh for mesh in meshes if mesh.explicit_axes), None)
    if mesh is None:
        return fn(*given)
    rows = NamedSharding(mesh, P(jax.typeof(like).sharding.spec[0]))
    return auto_axes(fn, axes=mesh.explicit_axes, out_sharding=rows)(*given)
