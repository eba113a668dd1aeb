"""Arrays whose types say how they are spread over a mesh."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P, auto_axes

from .fold import Fold
from .pairs import Pairs


# Name of the axis of a line of devices that share pairs.
AXIS = "pairs"


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


def line_of(devices: Sequence[jax.Device], axis: str = AXIS) -> Mesh:
    """Devices along a single axis, whose sharding inside is XLA's to choose."""
    return jax.make_mesh((len(devices),), (axis,), (AxisType.Auto,), devices=devices)


def spread(line: Mesh, pairs: Pairs, fold: Fold, whole: Any) -> tuple[Pairs, Any]:
    """Pairs in equal shares on the devices of a line, and other arrays on each of them.

    The last rows of pairs may be absent.
    """
    # A stop would count from the first row of each device; a mask does not.
    pairs = fold.stored(pairs)
    missing = -pairs.num_rows % line.size
    fill = lambda x: jnp.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1))
    put = lambda x, *axes: jax.device_put(x, NamedSharding(line, P(*axes)))
    # On the line before they are filled up: arrays of another mesh know of no other.
    pairs = jax.tree.map(lambda x: put(fill(put(x)), AXIS), pairs)
    return pairs, jax.tree.map(put, whole)


def across(
    line: Mesh, answers: Callable, arrays: list, pairs: Pairs, queries: Any, fold: Fold
) -> Any:
    """What a function makes of some pairs that are spread over the devices of a line.

    Args:
        line: the devices.
        answers: a function of the arrays, the pairs of one device, the queries and a
            fold over all pairs.
        arrays: of a rule; every device gets them.
        pairs: the pairs. Each device gets an equal share of the rows.
        queries: every device gets them.
        fold: over the pairs.
    """
    fold = dataclasses.replace(fold, stop=None, axis_name=AXIS)
    return jax.shard_map(
        lambda *given: answers(*given, fold),
        mesh=line,
        in_specs=(P(), P(AXIS), P()),
        out_specs=P(),
    )(arrays, pairs, queries)
