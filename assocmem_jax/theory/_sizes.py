"""Sizes of a memory, as its formulas take them."""

from typing import Any

import numpy as np
from jaxtyping import Float

from .._base.checks import ArrayLike
from ._domain import parameters, require


def sizes(
    call: str,
    d: ArrayLike,
    n: ArrayLike,
    v: ArrayLike | None,
    query_noise: ArrayLike,
    **more: Any,
) -> tuple[Float[np.ndarray, "..."], ...]:
    """Sizes and noise as arrays of float64 that broadcast; v is d where not given.

    Raises:
        TypeError: if one does not hold real numbers.
        ValueError: if a size is below 1, d above 1e15, or the noise below 0.
    """
    v = d if v is None else v
    arrays = parameters(call, d=d, n=n, v=v, query_noise=query_noise, **more)
    for name, size in zip(("d", "n", "v"), arrays[:3], strict=True):
        require(call, name, size, size >= 1, f"{name} >= 1")
    # Beyond, laws of norms are too narrow for their nodes.
    require(call, "d", arrays[0], arrays[0] <= 1e15, "d <= 1e15")
    require(call, "query_noise", arrays[3], arrays[3] >= 0, "query_noise >= 0")
    return arrays
