"""Retrieval in one step: keys, values and queries in, values out."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float

from .._base.arrays import to_mask, to_real
from .._base.checks import ArrayLike, check_size, require_finite
from .._base.errors import ArgumentError, ArgumentTypeError, first_line
from .._base.exact import widened
from .fold import Fold
from .linear import check_columns
from .meshes import across, automatic, line_of, spread
from .pairs import Pairs, check_one_value_per_key
from .rule import AbstractRule, joined, split, static_advice


def retrieve(
    rule: AbstractRule,
    keys: ArrayLike,
    values: ArrayLike,
    queries: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    fold: Fold = Fold(),
    query_batch: int | None = None,
    mesh: Mesh | None = None,
    check_finite: bool = True,
) -> Float[Array, "m v"]:
    """Store the pairs and answer every query.

    All arrays hold one item per row, and may be JAX or NumPy arrays or nested lists.
    By default the pairs are taken in blocks and the queries in batches, so that the
    n x m scores never exist at once, unless they are few (2**14). Arrays that lie on a
    mesh, of automatic or explicit axes, are answered as others.

    There is one way to ask. A single query is `queries[None]`; for batches, or a mask
    for each query, map: `jax.vmap(lambda query, mask: retrieve(rule, keys, values,
    query[None], mask=mask)[0])(queries, masks)`.

    Args:
        rule: how a query is answered, such as `Softmax(beta=2.0)`.
        keys: n keys of dimension d. Masked arrays of NumPy are refused: say by `mask`
            which pairs there are.
        values: n values of dimension v.
        queries: m queries of dimension d.
        mask: n booleans, True where the pair is stored. `None` stores all.
        fold: how the pairs are summed up. `Fold(None)` takes all at once.
        query_batch: queries answered at a time. `None` chooses from the shapes, and
            takes all at once where `fold` does so.
        mesh: devices that the stored pairs are spread over, each of which takes an
            equal share; one of `jax.make_mesh((k,), ("pairs",))`, for example. `None`
            leaves the arrays where they are. Answers differ by rounding, but for rules
            of the user's own in which pairs of several devices do not merge.
        check_finite: look for NaN and infinities in arrays whose numbers are known
            (not while they are traced). This waits for the arrays to be computed and
            reads them on the host; switch it off in a loop that should not wait.

    Returns:
        The m retrieved values, in the widest floating-point type of the three arrays.

    Raises:
        TypeError: if an argument is of the wrong kind, or not real, or the rule takes
            a number for known that is traced.
        ValueError: if a shape does not fit, a size is below 1, or an array is not
            finite.

    Example:
        >>> import jax, assocmem_jax as am
        >>> keys, queries = jax.random.normal(jax.random.key(0), (2, 16, 8))
        >>> am.retrieve(am.Softmax(beta=1.0), keys, keys, queries).shape
        (16, 8)
    """
    if not isinstance(rule, AbstractRule):
        complaint = f"must be a rule such as `Softmax()`, got {rule!r}"
        raise ArgumentTypeError("retrieve", "rule", complaint)
    if not isinstance(fold, Fold):
        raise ArgumentTypeError("retrieve", "fold", f"must be a `Fold`, got {fold!r}")
    if query_batch is not None:
        check_size("retrieve", "query_batch", query_batch)
    keys = to_real("retrieve", "keys", keys, 2)
    values = to_real("retrieve", "values", values, 2)
    queries = to_real("retrieve", "queries", queries, 2)
    check_one_value_per_key("retrieve", keys, values)
    if queries.shape[1] != keys.shape[1]:
        raise ArgumentError(
            "retrieve",
            ("keys", "queries"),
            "needs queries of the dimension of the keys, got keys of dimension "
            f"{keys.shape[1]} and queries of dimension {queries.shape[1]}",
            "Pass one query per row.",
        )
    check_columns("retrieve", "rule", rule, keys.shape[0])
    mask = to_mask("retrieve", "mask", mask, keys.shape[0])
    if mesh is not None and not isinstance(mesh, Mesh):
        advice = 'Make one by `jax.make_mesh((k,), ("pairs",))`.'
        complaint = f"must be a mesh of devices, got {mesh!r}"
        raise ArgumentTypeError("retrieve", "mesh", complaint, advice)
    if check_finite:
        require_finite("retrieve", "keys", keys, mask)
        require_finite("retrieve", "values", values, mask)
        require_finite("retrieve", "queries", queries)

    dtypes = (keys.dtype, values.dtype, queries.dtype)
    with jax.numpy_dtype_promotion("standard"):
        dtype = functools.reduce(jnp.promote_types, dtypes)
    pairs = Pairs(keys.astype(dtype), values.astype(dtype), mask)
    share = keys.shape[0] if mesh is None else -(-keys.shape[0] // mesh.size)
    fold, batch = fold.plan(share, queries.shape[0], query_batch)
    arrays, static = split("retrieve", "rule", rule)
    queries = queries.astype(dtype)
    try:
        if mesh is None:
            return _retrieve(arrays, pairs, queries, fold, static, batch)
        line = line_of(list(mesh.devices.flat))
        pairs, (arrays, queries) = spread(line, pairs, fold, (arrays, queries))
        return _retrieve_across(arrays, pairs, queries, fold, static, batch, line)
    except TypeError as error:
        advice = static_advice(rule, error)
        if not advice:
            raise
        complaint = (
            f"must be a rule that runs, got `{type(rule).__name__}`, which fails with "
            f"{type(error).__name__}: {first_line(error)}"
        )
        raise ArgumentTypeError("retrieve", "rule", complaint, advice) from error


@functools.partial(jax.jit, static_argnames=("static", "batch"))
def _retrieve(arrays, pairs, queries, fold, static, batch):
    answers = functools.partial(_answers, static=static, batch=batch)
    return automatic(answers, (arrays, pairs, queries, fold), like=queries)


@functools.partial(jax.jit, static_argnames=("static", "batch", "line"))
def _retrieve_across(arrays, pairs, queries, fold, static, batch, line):
    answers = functools.partial(_answers, static=static, batch=batch)
    return across(line, answers, arrays, pairs, queries, fold)


def _answers(arrays, pairs, queries, fold, static, batch):
    rule = joined(arrays, static)
    memory = rule.write(pairs, fold)
    # Derivatives compute the scores again, batch by batch, rather than keep them.
    read = jax.checkpoint(lambda query: rule.read(memory, widened(query), fold))
    answers = jax.lax.map(read, queries, batch_size=batch)
    expected = len(queries), pairs.values.shape[1]
    if getattr(answers, "shape", None) != expected:
        raise ValueError(
            f"`{type(rule).__name__}.read(...)` must return one value of dimension "
            f"{expected[1]}, got {_shape_of(answers)}."
        )
    return answers.astype(queries.dtype)


def _shape_of(answers: Any) -> str:
    if not isinstance(answers, Array):
        return f"a {type(answers).__name__}"
    return f"shape {answers.shape[1:]}"
