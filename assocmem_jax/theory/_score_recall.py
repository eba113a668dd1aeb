"""Recall of the nearest value, for answers whose weights are scores."""

import numpy as np
from numpy.polynomial.hermite import hermgauss
from scipy.special import gammaincinv, ndtri

from . import _nodes, _scores
from ._domain import require
from ._recall import recall, scattered, silent


def check(call, keys, d, n, v, query_noise):
    """Parameters of a recall, as arrays."""
    arrays = d, _, v, _ = _scores.check(call, keys, d, n, v, query_noise)
    if keys != "gaussian":
        # Scores that are bounded, or often equal, are not like normal ones.
        domain = f"d >= 3 and v <= 4 d where keys are {keys}"
        require(call, "d", d, d >= 3, domain)
        require(call, "v", v, v <= 4 * d, domain)
    return arrays


def recall_of_scores(d, n, v, query_noise, active, keys):
    """Mean recall@1, where a share `active` of other pairs has a weight."""
    # Variance of a squared score of unit mean; of the sum, only two moments are kept.
    variance = {
        "gaussian": 2.0,
        "spherical": 2 * (d - 1) / (d + 2),
        "bipolar": 2 * (d - 1) / d,
    }[keys]
    variance = max(variance, 1e-3)

    def probability(others, without=0.0, points=4096):
        competitors = [scattered(others, positive=active < 1), silent(without)]

        def weights(uniform):
            along = query_noise * ndtri(uniform[:, 1])
            if keys == "gaussian":
                key = np.sqrt(2 * gammaincinv(d / 2, uniform[:, 0]))
                score, norm = key * (key + along), np.sqrt(1 + query_noise**2) * key
            else:
                across = 2 * gammaincinv((d - 1) / 2, uniform[:, 0]) if d > 1 else 0
                score = np.sqrt(d) * (np.sqrt(d) + along)
                norm = np.sqrt(score**2 / d + query_noise**2 * across)
            if not others:
                return np.maximum(score, 0), 0 * norm, competitors
            squares = variance * gammaincinv(others / variance, uniform[:, 2])
            score = score if active == 1 else np.maximum(score, 0)
            return score, norm * np.sqrt(squares), competitors

        return recall(weights, v, points)

    if active == 1:
        return probability(n - 1) if n > 1 else 1.0
    if n > 17:
        z, mass = hermgauss(5)
        counts = (n - 1) / 2 + np.sqrt((n - 1) / 2) * z
        parts = [(m, n - 1 - m, w) for m, w in zip(counts, mass, strict=True)]
        total = mass.sum()
    else:
        whole = int(n - 1)
        parts = [
            (float(m), float(k - m), share * _nodes.binomial(m, k, active))
            for k, share in ((whole, whole + 2 - n), (whole + 1, n - 1 - whole))
            if share > 0
            for m in range(k + 1)
        ]
        total = 1.0
    mean = sum(w * probability(m, s, 1024) for m, s, w in parts) / total
    return min(mean, 1.0)
