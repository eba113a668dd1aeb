"""Checks of the parameters of an ensemble."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._base.arrays import to_array, to_real
from .._base.checks import ArrayLike, check_one, is_traced
from .._base.errors import ArgumentError


def check_share(
    function: str, argument: str, share: Float[Array, "..."], advice: str
) -> None:
    """Raise unless `share` is one number from 0 to 1, where known."""
    check_one(function, argument, share)
    if not is_traced(share) and not 0 <= float(share) <= 1:
        complaint = f"must be from 0 to 1, got {share}"
        raise ArgumentError(function, argument, complaint, advice)


def check_correlation(
    function: str, argument: str, correlation: Float[Array, "..."], advice: str
) -> None:
    """Raise unless `correlation` is one number between -1 and 1, where known."""
    check_one(function, argument, correlation)
    if not is_traced(correlation) and not -1 < float(correlation) < 1:
        complaint = f"must be above -1 and below 1, got {correlation}"
        raise ArgumentError(function, argument, complaint, advice)


def to_float32(
    function: str, argument: str, x: ArrayLike, ndim: int
) -> Float[Array, "..."]:
    """`x` as a float32 array of `ndim` axes, as patterns are float32.

    An array that is spread over devices is put together: a study hands it to each.

    Raises:
        TypeError: if it does not hold real numbers.
        ValueError: if it has other axes, or entries that are masked.
    """
    if not is_traced(x):
        x = to_array(function, argument, x)
        whole = not isinstance(x, Array) or x.sharding.num_devices == 1
        x = x if whole else np.asarray(x)
        if x.dtype == np.float64 and isinstance(x, np.ndarray):
            x = x.astype(np.float32)
    if ndim == 2 and np.ndim(x) == 1:
        raise ArgumentError(
            function,
            argument,
            f"must have two axes, one row per item, got shape {np.shape(x)}",
            "Pass labels as `np.eye(num_classes)[labels]`, and patterns of one number "
            "as `x[:, None]`.",
        )
    return to_real(function, argument, x, ndim).astype(jnp.float32)
