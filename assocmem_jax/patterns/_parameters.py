"""Checks of the parameters of a law."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._base.checks import ArrayLike, is_traced, to_real


def check_share(call: str, share: Float[Array, "..."], advice: str) -> None:
    """Raise unless `share` is one number from 0 to 1, where known."""
    _check_one(call, share)
    if not is_traced(share) and not 0 <= float(share) <= 1:
        raise ValueError(f"`{call}` must be from 0 to 1, got {share}. {advice}")


def check_correlation(call: str, correlation: Float[Array, "..."], advice: str) -> None:
    """Raise unless `correlation` is one number between -1 and 1, where known."""
    _check_one(call, correlation)
    if not is_traced(correlation) and not -1 < float(correlation) < 1:
        raise ValueError(
            f"`{call}` must be above -1 and below 1, got {correlation}. {advice}"
        )


def _check_one(call: str, scalar: Float[Array, "..."]) -> None:
    if scalar.shape != ():
        raise ValueError(
            f"`{call}` must be one number, got shape {scalar.shape}. Use `jax.vmap` "
            "for many."
        )


def to_float32(call: str, x: ArrayLike, ndim: int) -> Float[Array, "..."]:
    """`x` as a float32 array of so many axes, as patterns are float32."""
    if isinstance(x, np.ndarray) and x.dtype == np.float64:
        x = x.astype(np.float32)
    return to_real(call, x, ndim).astype(jnp.float32)
