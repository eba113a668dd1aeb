r"""Where the softmax fails: $n^* = e^{\alpha d}$ for large d.

For the right pair the score is $|k|^2$; n - 1 others have scores $|k| z$ with z normal,
or $d \tau$ with $\tau$ the cosine of two points of a sphere. The sum of the others'
weights is the partition function of a random-energy model: for Gaussian keys of norm
$\sqrt d$ it is $e^{d (a + \beta^2 / 2)}$ below the freezing point, to be compared with
$e^{\beta d}$, and the largest weight alone beyond.
"""

import numpy as np

from .._base.checks import ArrayLike
from .._base.errors import ArgumentError
from ._domain import Values, parameters, require


def softmax_threshold(
    beta: ArrayLike,
    *,
    keys: str = "gaussian",
    metric: str = "cosine",
) -> Values:
    r"""The rate $\alpha$ at which the softmax fails, exact for large d.

    With $n = e^{a d}$ pairs the answer is right for $a < \alpha$ and wrong beyond. By
    the weight of the right pair and Gaussian keys, $\alpha = \beta - \beta^2 / 2$ up to
    $\beta = 1$ and 1/2 beyond, where the largest of n scores beats the norm of a key;
    for keys of norm $\sqrt d$, $\alpha = \beta (1 - m) - \ln(1 - m^2) / 2$ with
    $m = (\sqrt{1 + 4 \beta^2} - 1) / (2 \beta)$, which grows like
    $(1 + \ln \beta) / 2$ without end. The cosine sees the squares of the weights, and
    so $2 \beta$. At d = 64 to 256 the slope of $\ln n^*$ in d is within 0.0003 of this
    for spherical keys and within 0.017 for Gaussian ones.

    Args:
        beta: inverse temperature, above 0.
        keys: `"gaussian"` or `"spherical"` (norm $\sqrt d$).
        metric: `"cosine"`, or `"weight"` for `softmax_target_weight`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Lucibello & Mézard (2024), arXiv:2304.14964 (the model and the limits).
        Derrida (1981), doi:10.1103/PhysRevB.24.2613 (the random-energy model).
    """
    call = "theory.softmax_threshold"
    (beta,) = parameters(call, beta=beta)
    require(call, "beta", beta, beta > 0, "beta > 0")
    for name, given, known in (
        ("keys", keys, ("gaussian", "spherical")),
        ("metric", metric, ("cosine", "weight")),
    ):
        if given not in known:
            complaint = f"is known for {known[0]!r} and {known[1]!r}, got {given!r}"
            raise ArgumentError(call, name, complaint)
    seen = np.minimum(beta, 1e150) * (2 if metric == "cosine" else 1)
    if keys == "gaussian":
        return np.where(seen < 1, seen - seen**2 / 2, 0.5)[()]
    m = 2 * seen / (1 + np.hypot(1, 2 * seen))
    # The root of m / (1 - m^2) = beta, so that this is 1 - m^2 without cancellation.
    rest = m / seen
    return (seen * rest / (1 + m) - np.log(rest) / 2)[()]
