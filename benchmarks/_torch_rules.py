"""The rules in plain torch, as somebody would write them: rows are items."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

import assocmem_jax as am


@dataclasses.dataclass(frozen=True)
class Peer:
    """A rule, and its code in torch.

    Attributes:
        rule: of this library.
        write: from keys and values to a memory, in torch.
        read: from the memory and queries to answers, in torch.
        tolerance: on errors relative to the largest number.
        sizes: further sizes that the operations of the rule are counted in.
        note: why a time is what it is, where that needs a word.
    """

    rule: am.AbstractRule
    write: Callable[..., Any]
    read: Callable[..., torch.Tensor]
    tolerance: float = 1e-4
    sizes: dict[str, float] = dataclasses.field(default_factory=dict)
    note: str = ""

    def counted(self, what: Any, **sizes: float) -> float:
        """What the rule says of itself: operations or numbers, at these sizes."""
        about = self.rule.about
        assert about is not None
        return about.counted(what, **sizes, **self.sizes)


def keep(keys, values):
    """The pairs themselves."""
    return keys, values


def weighing(weights: Callable[[torch.Tensor], torch.Tensor]) -> Callable:
    """Values weighted by a function of all scores, one row per query."""
    return lambda memory, queries: weights(queries @ memory[0].T) @ memory[1]


def eye(keys):
    """The identity, of the type and dimension of some keys."""
    return torch.eye(keys.shape[1], dtype=keys.dtype)


def linear(memory, queries):
    """Queries times a matrix."""
    return queries @ memory


def sparsemax(scores):
    """By sorting."""
    ordered = torch.sort(scores, dim=1, descending=True).values
    count = torch.arange(1, scores.shape[1] + 1, dtype=scores.dtype)
    thresholds = (torch.cumsum(ordered, 1) - 1) / count
    size = (ordered > thresholds).sum(1, keepdim=True)
    return torch.relu(scores - thresholds.gather(1, size - 1))


def by_bisection(scores, low, high, weights, total):
    """Weights at the threshold where they sum to the total, found by halving."""
    for _ in range(50):
        middle = (low + high) / 2
        above = weights(scores - middle).sum(1, keepdim=True) >= total
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    return weights(scores - low)


def entmax(scores, alpha):
    """By bisection."""
    scores = (alpha - 1) * scores
    top = scores.amax(1, keepdim=True)
    power = lambda x: torch.relu(x) ** (1 / (alpha - 1))
    weights = by_bisection(scores, top - 1, top, power, 1)
    return weights / weights.sum(1, keepdim=True)


def normmax(scores, gamma):
    """By bisection."""
    top = scores.amax(1, keepdim=True)
    power = lambda x: torch.relu(x) ** (gamma / (gamma - 1))
    amounts = by_bisection(scores, top - 1, top, power, 1)
    weights = amounts ** (1 / gamma)
    return weights / weights.sum(1, keepdim=True)


def k_subset(scores, k):
    """By bisection."""
    ends = scores.amin(1, keepdim=True) - 1, scores.amax(1, keepdim=True)
    return by_bisection(scores, *ends, lambda x: x.clamp(0, 1), k)


def top_k(scores, k):
    """The largest scores, zero elsewhere."""
    found = torch.topk(scores, k, dim=1)
    return torch.zeros_like(scores).scatter(1, found.indices, found.values)


def null_softmax(scores, null):
    """Softmax beside a slot of its own score."""
    top = scores.amax(1, keepdim=True).clamp(min=null)
    weights = torch.exp(scores - top)
    return weights / (weights.sum(1, keepdim=True) + torch.exp(null - top))


def nearest(memory, queries):
    """The value of the largest score."""
    return memory[1][(queries @ memory[0].T).argmax(1)]


def kernel(slope):
    """Values weighted by a function of half the squared distance, where below 1."""

    def read(memory, queries):
        keys, values = memory
        inside = 1 - torch.cdist(queries, keys) ** 2 / 2 * BETA
        weights = torch.where(inside > 0, slope(inside.clamp(min=0)), 0)
        return weights @ values / weights.sum(1, keepdim=True).clamp(min=1e-30)

    return read


def normalized(memory, queries):
    """Linear attention, with its denominator."""
    matrix, total = memory
    return queries @ matrix / (queries @ total)[:, None]


def polar(keys, values):
    """The polar factor of the correlation matrix."""
    left, _, right = torch.linalg.svd(keys.T @ values, full_matrices=False)
    return left @ right


def local_linear(memory, queries):
    """Weighted least squares around each query, some queries at a time."""
    keys, values = memory
    return torch.cat([around(keys, values, some) for some in queries.split(16)])


def around(keys, values, queries):
    """The same, of few queries: there is a row of all keys for each."""
    weights = torch.softmax(2.0 * queries @ keys.T, 1)
    mean = weights @ keys
    covariance = (weights[:, :, None] * keys).transpose(1, 2) @ keys
    covariance = covariance - mean[:, :, None] * mean[:, None, :]
    turned = torch.linalg.solve(covariance + eye(keys), queries - mean)
    along = turned @ keys.T - (turned * mean).sum(1, keepdim=True)
    return weights * (1 + along) @ values


def elu(x):
    """ELU + 1."""
    return torch.nn.functional.elu(x) + 1


# Of kernels: some keys of each size are within their support.
BETA = 0.08
RULES: dict[str, Peer] = {
    "Covariance": Peer(
        am.Covariance(),
        lambda k, v: ((k - k.mean(0)).T @ v, k.mean(0)),
        lambda memory, q: (q - memory[1]) @ memory[0],
    ),
    "DotProduct": Peer(am.DotProduct(), lambda k, v: k.T @ v, linear),
    "Entmax": Peer(
        am.Entmax(2.0, alpha=1.5), keep, weighing(lambda s: entmax(2.0 * s, 1.5))
    ),
    "Epanechnikov": Peer(am.Epanechnikov(BETA), keep, kernel(torch.ones_like)),
    "Exponential": Peer(
        am.Exponential(2.0), keep, weighing(lambda s: torch.exp(2.0 * s))
    ),
    "KSubset": Peer(
        am.KSubset(2.0, k=4), keep, weighing(lambda s: k_subset(2.0 * s, 4))
    ),
    "LinearAttention": Peer(
        am.Mapped(am.LinearAttention(), am.features.ELU()),
        lambda k, v: (elu(k).T @ v, elu(k).sum(0)),
        lambda memory, q: normalized(memory, elu(q)),
    ),
    "LocalLinear": Peer(
        am.LocalLinear(2.0, penalty=1.0), keep, local_linear, tolerance=1e-3
    ),
    "Mapped": Peer(
        am.Mapped(am.DotProduct(), am.features.ELU()),
        lambda k, v: elu(k).T @ v,
        lambda memory, q: elu(q) @ memory,
    ),
    "Nearest": Peer(am.Nearest(), keep, nearest),
    "Normmax": Peer(
        am.Normmax(2.0, gamma=2.0), keep, weighing(lambda s: normmax(2.0 * s, 2.0))
    ),
    "NullSoftmax": Peer(
        am.NullSoftmax(2.0), keep, weighing(lambda s: null_softmax(2.0 * s, 0.0))
    ),
    "Polar": Peer(am.Polar(), polar, linear, tolerance=1e-3),
    "Polynomial": Peer(am.Polynomial(3), keep, weighing(lambda s: s**3)),
    "Pseudoinverse": Peer(
        am.Pseudoinverse(), lambda k, v: torch.linalg.pinv(k) @ v, linear
    ),
    "Quartic": Peer(am.Quartic(BETA), keep, kernel(lambda x: x)),
    "ReLU": Peer(am.ReLU(), keep, weighing(torch.relu)),
    "Ridge": Peer(
        am.Ridge(1.0),
        lambda k, v: torch.linalg.solve(k.T @ k + eye(k), k.T @ v),
        linear,
    ),
    "Softmax": Peer(
        am.Softmax(2.0), keep, weighing(lambda s: torch.softmax(2.0 * s, 1))
    ),
    "Sparsemax": Peer(am.Sparsemax(2.0), keep, weighing(lambda s: sparsemax(2.0 * s))),
    "TopK": Peer(am.TopK(16), keep, weighing(lambda s: top_k(s, 16)), sizes={"k": 16}),
    "Triweight": Peer(am.Triweight(BETA), keep, kernel(lambda x: x**2)),
}
