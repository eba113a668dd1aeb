"""What a study cannot do without, and what the device does at its best."""

import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp

import assocmem_jax as am


# The rules, by the notebook's names.
RULES: dict[str, am.AbstractRule] = {
    "pseudoinverse": am.Pseudoinverse(),
    "softmax": am.Softmax(),
    "ReLU": am.ReLU(),
    "dot product": am.DotProduct(),
}
READ_PAIRS = ("softmax", "ReLU")


def cell_by_cell(rule: str, d: int, loads: Sequence[int]) -> float:
    """Operations of the products of a rule, each load by itself."""
    if rule in READ_PAIRS:
        return sum(4.0 * n * n * d for n in loads)
    # Sums over the pairs (K'K too, for the pseudoinverse), then a read.
    each = 6.0 if rule == "pseudoinverse" else 4.0
    return sum(each * n * d * d for n in loads)


def in_one_pass(rule: str, d: int, loads: Sequence[int]) -> float:
    """The same where a load holds the first pairs of the next one.

    Sums over pairs and scores are then made once, for the largest load. Answers of
    matrices are not: those of every load are another matrix.
    """
    if rule in READ_PAIRS:
        return 4.0 * max(loads) ** 2 * d
    sums = 4.0 if rule == "pseudoinverse" else 2.0
    return sums * max(loads) * d * d + 2.0 * sum(loads) * d * d


def of_some(d: int, loads: Sequence[int], asked: int) -> dict[str, float]:
    """Operations of the pseudoinverse without values, for some of the pairs, by part.

    Up to d pairs are factored by QR, with the orthogonal matrix; more by Cholesky. Both
    invert a triangle.
    """
    few, many = [n for n in loads if n <= d], [n for n in loads if n > d]
    qr = lambda n: 4.0 * d * n**2 - 4 / 3 * n**3
    return {
        "gram": 2.0 * max(many, default=0) * d * d,
        "factors": sum(qr(n) + n**3 / 3 for n in few) + len(many) * 2 / 3 * d**3,
        "weights": sum(2.0 * min(asked, n) * d * min(n, d) for n in loads),
    }


def needs(rule: str, d: int, loads: Sequence[int], peaks: dict) -> dict[str, float]:
    """Seconds of each phase of one trial, at the best of the device.

    Random numbers are written once. Right and retrieved values are read once for every
    load. A factorisation is a Cholesky factor and its inverse.
    """
    of_squares = rule == "pseudoinverse"
    factors = of_squares * sum(2 / 3 * min(n, d) ** 3 for n in loads)
    return {
        "random numbers": 8.0 * max(loads) * d / peaks["bytes_per_second"],
        "products": in_one_pass(rule, d, loads) / peaks["operations_per_second"],
        "factorisations": factors / peaks["operations_per_second"],
        "metrics": 8.0 * sum(loads) * d / peaks["bytes_per_second"],
    }


def device_peaks() -> dict[str, float]:
    """Rates of one large float32 product, and of a pass over an array in place."""
    size, length = (2048, 2**25) if jax.default_backend() == "cpu" else (8192, 2**28)
    product = jax.jit(lambda x: jnp.matmul(x, x, precision="highest") / size)
    add = jax.jit(lambda x: x + 1, donate_argnums=0)
    return {
        "operations_per_second": 2.0 * size**3 / _best(product, jnp.ones((size, size))),
        "bytes_per_second": 8.0 * length / _best(add, jnp.ones(length)),
    }


def _best(step, x) -> float:
    """Seconds of the fastest of a few steps, each from the result of the last."""
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        x = step(x).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
