"""Laws of arrays that are spread over devices. With one device they say nothing."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P

from .._core.fold import Fold
from .._core.retrieve import retrieve
from .._core.rule import joined, split
from ._case import Case, must_be_close
from ._compiled import quick
from ._law import law


SPREAD = P("pairs")


def _mesh(kind: AxisType) -> Mesh | None:
    """Two devices, where there are two."""
    devices = jax.devices()[:2]
    if len(devices) < 2:
        return None
    return jax.make_mesh((2,), ("pairs",), axis_types=(kind,), devices=devices)


def _retrieved(case: Case):
    """Answers on each of the devices, and the sum of some function of them."""
    fold = Fold(3, axis_name="pairs")

    def answers(keys, values, queries, mask):
        arrays = keys, values, queries
        return retrieve(case.rule, *arrays, mask=mask, fold=fold)

    return answers, lambda *arrays: jnp.sum(jnp.sin(answers(*arrays)))


@law(
    "shards",
    "pairs that are spread over devices are answered as on one",
    "merge summaries by `fold` alone, and count pairs by `fold.count`",
)
def shards(case: Case) -> None:
    """On two devices; one of them may hold no pair."""
    mesh = _mesh(AxisType.Auto)
    if mesh is None:
        return
    answers, _ = _retrieved(case)
    given = SPREAD, SPREAD, P(), SPREAD
    sharded = quick()(jax.shard_map(answers, mesh=mesh, in_specs=given, out_specs=P()))
    for n in case.numbers:
        n += n % 2
        keys, values, queries = case.arrays(n)
        some = np.random.default_rng(n).random(n) < 0.8
        some[0] = True
        for mask in (some, np.arange(n) < n // 2, np.arange(n) >= n // 2):
            out = sharded(keys, values, queries, mask)
            expected = case.expected(keys, values, queries, mask)
            must_be_close(out, expected, f"for {mask.sum()} of {n} pairs, two devices")


@law(
    "adjoints",
    "derivatives by pairs that are spread over devices are those on one",
    "merge summaries by `fold` alone, and stop no gradient where they are merged",
)
def adjoints(case: Case) -> None:
    """Taken inside of `jax.shard_map`, and outside."""
    mesh = _mesh(AxisType.Auto)
    if mesh is None:
        return
    _, loss = _retrieved(case)
    names = "keys", "values", "queries"
    given = SPREAD, SPREAD, P(), SPREAD
    by = 0, 1, 2
    spread = lambda fn, out: jax.shard_map(fn, mesh=mesh, in_specs=given, out_specs=out)
    outside = jax.grad(spread(loss, P()), by)
    inside = spread(jax.grad(loss, by), given[:3])
    n = case.numbers[1] + case.numbers[1] % 2
    arrays, mask = case.arrays(n, m=2), np.random.default_rng(n).random(n) < 0.8
    alone = lambda *arrays: jnp.sum(jnp.sin(retrieve(case.rule, *arrays, mask=mask)))
    desired = quick()(jax.grad(alone, by))(*arrays)
    for where, gradient in (("outside", outside), ("inside", inside)):
        found = quick()(gradient)(*arrays, mask)
        for name, x, y in zip(names, found, desired, strict=True):
            must_be_close(x, y, f"by {name}, taken {where}", scale=10.0)


@law(
    "meshes",
    "arrays that lie on a mesh are answered as others",
    "hold nothing that is bound to a device, and leave to XLA how arrays are spread",
)
def meshes(case: Case) -> None:
    """Pairs, and queries, of axes that are automatic and explicit."""
    numbers, static = split("check_rule", "rule", case.rule)
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = _mesh(kind)
        if mesh is None:
            return
        spread = NamedSharding(mesh, SPREAD)
        put = lambda x: jax.device_put(x, spread)  # noqa: B023
        n = case.numbers[1] + case.numbers[1] % 2
        keys, values, queries = arrays = case.arrays(n, m=8)
        expected = case.expected(*arrays)
        for what, given in {
            "pairs": (put(keys), put(values), queries),
            "queries": (keys, values, put(queries)),
        }.items():
            where = f"with {what} on an axis that is {kind.name.lower()}"
            out = _answered(numbers, *given, static=static)
            must_be_close(out, expected, where)


@quick("static")
def _answered(numbers, *arrays, static):
    return retrieve(joined(numbers, static), *arrays)
