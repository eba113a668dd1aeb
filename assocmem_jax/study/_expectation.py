"""The expectation over values that are not drawn."""

import jax
import numpy as np
from numpy.polynomial import chebyshev

from ..metrics._expected import Expectation


# Degree of the polynomial that stands for the mean cosine. It is off by 7e-7 for v = 2,
# by less than float32 can tell for all other v.
_DEGREE = 32


def expectation_of(v: int) -> Expectation:
    """The expectation over values of v independent coordinates from N(0, 1)."""
    # SciPy takes longer to load than most studies can spare.
    from ..theory import mean_cosine, mean_norm

    def ratio(x):
        # At a correlation of zero the ratio has a limit; near it, it is flat.
        rho = np.maximum(np.sqrt(1 - ((x + 1) / 2) ** 2), 1e-8)
        return mean_cosine(rho, v) / rho

    series = chebyshev.chebinterpolate(ratio, _DEGREE)
    numbers = series, mean_norm(v), v
    return Expectation(*jax.device_put([np.float32(x) for x in numbers]))
