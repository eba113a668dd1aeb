"""Checks of what a caller passes in: on the host, before anything compiles."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from .errors import ArgumentError, ArgumentTypeError


_NUMBERS = (jnp.floating, jnp.integer)
ArrayLike: TypeAlias = Array | np.ndarray | Sequence[Any] | float | int | np.number


def is_traced(x: Any) -> bool:
    """Whether the numbers in `x` are unknown, because a program is being traced."""
    return isinstance(x, jax.core.Tracer)


def refuse_traced(function: str, argument: str, x: Any) -> None:
    """Raise if a number in `x` is unknown, because a program is being traced."""
    if any(map(is_traced, jax.tree.leaves(x))):
        raise ArgumentTypeError(
            function,
            argument,
            "must hold numbers that are known, got traced ones",
            "Call it outside of `jax.jit`, `jax.vmap` and `jax.grad`.",
        )


def is_whole(x: Any) -> bool:
    """Whether `x` is a whole number, and no boolean."""
    return isinstance(x, int | np.integer) and not isinstance(x, bool)


def as_int(x: Any) -> Any:
    """The same, whole numbers of NumPy as those of Python, which static fields hold."""
    return int(x) if isinstance(x, np.integer) else x


def _check_whole(function: str, argument: str, x: Any) -> None:
    if not is_whole(x):
        raise ArgumentTypeError(
            function, argument, f"must be a whole number, got {x!r}", "Pass an `int`."
        )


def check_count(function: str, argument: str, number: Any, least: int) -> None:
    """Raise unless `number` is a whole number, at least `least`."""
    _check_whole(function, argument, number)
    if number < least:
        complaint = f"must be at least {least}, got {number}"
        which = "positive" if least == 1 else "larger"
        raise ArgumentError(function, argument, complaint, f"Pass a {which} number.")


def check_size(function: str, argument: str, size: Any) -> None:
    """Raise unless `size` is a whole number, at least 1, that an index can count."""
    check_count(function, argument, size, 1)
    if size >= 2**31:
        raise ArgumentError(
            function,
            argument,
            f"must be below 2**31, got {size}",
            "Pass a smaller number.",
        )


def check_seed(function: str, argument: str, seed: Any) -> None:
    """Raise unless `seed` is one of those that JAX tells apart."""
    _check_whole(function, argument, seed)
    if not 0 <= seed < 2**32:
        raise ArgumentError(
            function,
            argument,
            f"must be from 0 to below 2**32, got {seed}",
            "Choose another: it would repeat the draws of one of these.",
        )


def check_range(
    function: str,
    argument: str,
    scalar: Float[Array, "..."],
    advice: str,
    *,
    limit: float = np.inf,
) -> None:
    """Raise unless `scalar` is one number from 0 to below `limit`, where known."""
    check_one(function, argument, scalar)
    if not is_traced(scalar) and not 0 <= float(scalar) < limit:
        raise ArgumentError(
            function,
            argument,
            f"must be from 0 to below {limit:g}, got {scalar}",
            advice,
        )


def check_above(
    function: str, argument: str, scalar: Float[Array, "..."], bound: float, advice: str
) -> None:
    """Raise unless `scalar` is one number above a bound, and finite, where known."""
    check_one(function, argument, scalar)
    if not is_traced(scalar) and not bound < float(scalar) < np.inf:
        side = "positive" if bound == 0 else f"above {bound:g}"
        complaint = f"must be {side} and finite, got {scalar}"
        raise ArgumentError(function, argument, complaint, advice)


def check_flag(function: str, argument: str, x: Any) -> None:
    """Raise unless `x` is a boolean of Python, which a static field holds."""
    if not isinstance(x, bool):
        raise ArgumentTypeError(
            function, argument, f"must be True or False, got {x!r}", "Pass a `bool`."
        )


def check_one(function: str, argument: str, scalar: Float[Array, "..."]) -> None:
    """Raise unless `scalar` is one number."""
    if scalar.shape != ():
        raise ArgumentError(
            function,
            argument,
            f"must be one number, got shape {scalar.shape}",
            "Use `jax.vmap` for many.",
        )


def scalar(function: str, argument: str) -> Callable[[Any], Float[Array, "..."]]:
    """The converter of a hyperparameter to an array: a new value does not recompile.

    Raises:
        TypeError: by the converter, of what is no real number.
    """
    return functools.partial(to_scalar, function, argument)


def to_scalar(function: str, argument: str, x: Any) -> Float[Array, "..."]:
    """A real number as an array; an array of floating point as it is."""
    if isinstance(x, Array) and jnp.issubdtype(x.dtype, jnp.floating):
        return x
    if isinstance(x, int) and not isinstance(x, bool):
        # NumPy makes an object of a number that is too large, where this raises.
        x = float(x)
    known = x if isinstance(x, Array) else np.asarray(x)
    if not any(jnp.issubdtype(known.dtype, kind) for kind in _NUMBERS):
        raise ArgumentTypeError(
            function, argument, f"must be a real number, got {x!r}", "Pass a `float`."
        )
    dtype = jnp.result_type(float)
    # A program to convert one number would take longer to compile than NumPy takes.
    return (
        jnp.asarray(x, dtype)
        if is_traced(x)
        else jax.device_put(np.asarray(known, dtype))
    )


def require_finite(
    function: str,
    argument: str,
    x: Float[Array, "n d"],
    mask: Shaped[Array, " n"] | None = None,
) -> None:
    """Raise if a row of `x` where `mask` is True holds NaN or an infinity."""
    if is_traced(x) or is_traced(mask):
        return
    # By NumPy, as JAX would compile for it.
    numbers = np.asarray(x)
    broken = ~np.isfinite(numbers)
    if mask is not None:
        broken &= np.asarray(mask)[:, None]
    if not broken.any():
        return
    row, column = np.argwhere(broken)[0]
    raise ArgumentError(
        function,
        argument,
        f"must be finite, got {numbers[row, column]} at [{row}, {column}]",
        "Repair it, or pass `check_finite=False` to compute with it.",
    )
