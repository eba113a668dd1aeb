"""The domain of a formula, and its evaluation on arrays of parameters."""

from collections.abc import Callable
from numbers import Real
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._base.arrays import to_array
from .._base.checks import refuse_traced
from .._base.errors import ArgumentError, ArgumentTypeError


# NumPy turns the value at a single point into a scalar.
Values: TypeAlias = Float[np.ndarray, "..."] | np.floating


def parameters(call: str, **given: Any) -> tuple[Float[np.ndarray, "..."], ...]:
    """Parameters of a formula as arrays of float64 that broadcast.

    Args:
        call: the function that asks, such as `theory.softmax_cosine`.
        given: what its caller passed, by name.

    Raises:
        TypeError: if one does not hold real numbers that are known.
        ValueError: if one holds NaN or an infinity, is ragged or masked, or the shapes
            do not broadcast.
    """
    arrays = {}
    for name, x in given.items():
        refuse_traced(call, name, x)
        array = np.asarray(to_array(call, name, x))
        if array.dtype == object and all(isinstance(y, Real) for y in array.flat):
            # Whole numbers beyond 64 bits.
            array = np.vectorize(_to_float, otypes=[float])(array)
        # NumPy does not know bfloat16 for a number.
        if array.dtype.kind not in "iuf" and not jnp.issubdtype(
            array.dtype, jnp.floating
        ):
            raise ArgumentTypeError(
                call,
                name,
                f"must hold real numbers, got {x!r}",
                "Pass a number or an array of them.",
            )
        arrays[name] = array.astype(np.float64)
        require(call, name, arrays[name], np.isfinite(arrays[name]), "finite numbers")
    try:
        np.broadcast_shapes(*(x.shape for x in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"`{name}` {x.shape}" for name, x in arrays.items())
        raise ArgumentError(
            call,
            (),
            f"needs arrays that broadcast, got shapes {shapes}",
            "Add axes of length 1, as for NumPy.",
        ) from error
    return tuple(arrays.values())


def _to_float(x: Any) -> float:
    try:
        return float(x)
    except OverflowError:
        return np.inf


def require(call: str, name: str, x: Values, holds: Any, domain: str) -> None:
    """Raise unless a condition holds for all of a parameter.

    Args:
        call: the function that asks, such as `theory.softmax_cosine`.
        name: the parameter, as its caller typed it.
        x: the parameter.
        holds: where the condition holds; it broadcasts with `x`.
        domain: where the formula holds, such as `n >= 1`.
    """
    x, holds = np.broadcast_arrays(x, holds)
    if not holds.all():
        complaint = f"is known for {domain}, got {x[~holds][0]:g}"
        raise ArgumentError(call, name, complaint)


def at_each(formula: Callable[..., float], *arrays: Values) -> Values:
    """A formula of numbers, evaluated once at each different point of arrays."""
    arrays = np.broadcast_arrays(*arrays)
    points = np.stack([x.ravel() for x in arrays], axis=-1)
    different, index = np.unique(points, axis=0, return_inverse=True)
    values = np.array([formula(*map(float, point)) for point in different])
    return values[index.ravel()].reshape(arrays[0].shape)[()]
