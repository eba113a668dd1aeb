"""Checks of what a caller passes in: on the host, before anything compiles."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from .errors import ArgumentError, ArgumentTypeError, call_text


_NUMBERS = (jnp.floating, jnp.integer)
ArrayLike: TypeAlias = Array | np.ndarray | Sequence[Any] | float | int | np.number


def is_traced(x: Any) -> bool:
    """Whether the numbers in `x` are unknown, because a program is being traced."""
    return isinstance(x, jax.core.Tracer)


def _is_whole(x: Any) -> bool:
    return isinstance(x, int | np.integer) and not isinstance(x, bool)


def _check_whole(function: str, argument: str, x: Any) -> None:
    if not _is_whole(x):
        raise ArgumentTypeError(
            function, argument, f"must be a whole number, got {x!r}", "Pass an `int`."
        )


def to_whole(x: Any) -> Any:
    """A whole number of any kind as an `int`, which studies and programs know it by."""
    return int(x) if _is_whole(x) else x


def check_count(function: str, argument: str, number: Any, least: int) -> None:
    """Raise unless `number` is a whole number, at least `least`."""
    if not _is_whole(number) or number < least:
        raise ArgumentError(
            function,
            argument,
            f"must be a whole number, at least {least}, got {number!r}",
            "Pass such an `int`.",
        )


def check_size(function: str, argument: str, size: Any) -> None:
    """Raise unless `size` is a whole number, at least 1, that an index can count."""
    _check_whole(function, argument, size)
    if size < 1:
        raise ArgumentError(
            function,
            argument,
            f"must be at least 1, got {size}",
            "Pass a positive number.",
        )
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


def to_real(
    function: str, argument: str, x: ArrayLike, ndim: int | None = None
) -> Float[Array, "..."]:
    """`x` as a floating-point JAX array.

    Args:
        function: the function as the user called it, such as `retrieve`.
        argument: the argument, such as `keys`.
        x: what was passed: an array of any library, or nested lists of numbers.
        ndim: number of axes it must have. `None` leaves it open.

    Returns:
        The array. Whole numbers become floating point. Other types are kept, except
        that JAX holds float64 only in its 64-bit mode.

    Raises:
        TypeError: if `x` does not hold real numbers.
        ValueError: if `x` is ragged, or has another number of axes, or an empty one.
    """
    if not isinstance(x, Array):
        asked_for_float64 = getattr(x, "dtype", None) == np.float64
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise ArgumentError(
                function, argument, f"must be a full array: {error}"
            ) from error
        if asked_for_float64 and not jax.config.read("jax_enable_x64"):
            warnings.warn(
                f"{call_text(function, [argument])} is float64 and JAX's 64-bit mode "
                "is off: it is computed in float32. Pass float32, or switch the mode "
                'on with `jax.config.update("jax_enable_x64", True)`.',
                stacklevel=3,
            )
    dtype = x.dtype
    real = (jnp.floating, jnp.integer, jnp.bool_)
    if not any(jnp.issubdtype(dtype, kind) for kind in real):
        raise ArgumentTypeError(
            function,
            argument,
            f"must hold real numbers, got an array of {dtype}",
            "Convert it to floating point.",
        )
    if ndim is not None and x.ndim != ndim:
        axes = {1: "one axis", 2: "two axes, one row per item"}[ndim]
        raise ArgumentError(
            function, argument, f"must have {axes}, got shape {x.shape}", "Reshape it."
        )
    if 0 in x.shape:
        raise ArgumentError(
            function,
            argument,
            f"must not be empty, got shape {x.shape}",
            "Pass at least one item of dimension at least 1.",
        )
    if not jnp.issubdtype(dtype, jnp.floating):
        dtype = jnp.result_type(float)
    # Known numbers stay known inside a traced function, and so can be checked.
    with jax.ensure_compile_time_eval():
        return jnp.asarray(x, jax.dtypes.canonicalize_dtype(dtype))


def to_mask(
    function: str, argument: str, mask: ArrayLike | None, n: int
) -> Shaped[Array, " n"]:
    """`mask` as an array of n booleans; all True where it is `None`."""
    if mask is None:
        mask = np.ones(n, bool)
    mask = mask if isinstance(mask, Array) else np.asarray(mask)
    if mask.dtype != bool:
        raise ArgumentTypeError(
            function,
            argument,
            "must hold booleans, True where a pair is stored, got an array of "
            f"{mask.dtype}",
            "Pass `mask.astype(bool)`.",
        )
    if mask.shape != (n,):
        raise ArgumentError(
            function,
            argument,
            f"must have one entry per key, got shape {mask.shape} and {n} keys",
            "Pass one boolean per key.",
        )
    if is_traced(mask):
        return jnp.asarray(mask)
    with jax.ensure_compile_time_eval():
        return jax.device_put(mask)


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
