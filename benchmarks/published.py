"""Do the library and its theory reproduce numbers that others published?

One JSON row per number: what was published, what is found here, and whether they agree
within the tolerance, plus three standard errors where the number is simulated. The
simulations are made of the library's own parts. The exit status is 1 if a row fails.
"""

import argparse
import sys
import zlib
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from _dense import DenseDifference
from _rows import report
from scipy.optimize import root_scalar

import assocmem_jax as am
from assocmem_jax.theory import (
    dense_bit_error,
    dense_bit_error_limit,
    dense_capacity,
    dot_product_accuracy,
    hopfield_all_fixed_probability,
    hopfield_barrier_capacity,
    hopfield_capacity,
    hopfield_fixed_fraction,
    hopfield_overlap,
    softmax_cosine,
    softmax_error_bound,
    softmax_log_capacity_bound,
    softmax_target_weight,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few trials, in seconds")
    small = parser.parse_args().small
    failed = 0
    for rows in (
        hopfield,
        stable_patterns,
        dense_memories,
        softmax_bounds,
        linear_memories,
        facts,
        sparse_hopfield,
        exponential_capacity,
    ):
        for row in rows(small):
            report("published", **row)
            failed += not row["passed"]
    sys.exit(1 if failed else 0)


def compared(row, source, equation, what, published, here, tolerance, error=None):
    """One row; the error is the standard error of a simulated number."""
    gap = abs(here - published)
    out = {
        "row": row,
        "source": source,
        "equation": equation,
        "what": what,
        "published": float(published),
        "here": float(here),
        "tolerance": float(tolerance),
        "passed": bool(gap <= tolerance + 3 * (error or 0.0)),
    }
    return out if error is None else {**out, "standard_error": float(error)}


def mean_of(what: str, trial, trials: int) -> tuple[float, float]:
    """Mean of a number over trials, a function of a random key, and its error."""
    # Draws of their own for every row.
    rng, trial = jax.random.key(zlib.crc32(what.encode())), jax.jit(trial)
    scores = [float(trial(jax.random.fold_in(rng, i))) for i in range(trials)]
    return float(np.mean(scores)), float(np.std(scores, ddof=1) / np.sqrt(trials))


def hopfield(small: bool) -> Iterator[dict]:
    del small
    source = "Amit, Gutfreund & Sompolinsky (1985); Stojnic (2024), arXiv:2403.01907"
    capacity = hopfield_capacity()
    what = "Hopfield network, largest load of retrieval"
    yield compared("1", source, "abstract", what, 0.137906, capacity, 1e-6)
    what = "Hopfield network, overlap at the largest load"
    overlap = hopfield_overlap(capacity)
    yield compared("1", source, "overlap erf(y)", what, 0.967, overlap, 5e-4)
    barrier = hopfield_barrier_capacity()
    what = "Hopfield network, largest load with barriers of energy"
    yield compared(
        "1b",
        "Stojnic (2024), arXiv:2403.01907",
        "abstract",
        what,
        0.129490,
        barrier,
        1e-5,
    )


def stable_patterns(small: bool) -> Iterator[dict]:
    def fixed(d, n, every):
        def trial(rng):
            patterns = am.patterns.Bipolar().draw(rng, n, d)
            fields = am.retrieve(am.DotProduct(), patterns, patterns, patterns)
            # A unit has no coupling to itself.
            right = am.metrics.bit_accuracy(patterns, fields - n * patterns) == 1
            return jnp.all(right) if every else jnp.mean(right)

        return trial

    for d, n, every in (
        (256, 23, False),
        (256, 11, True),
        (1000, 72, False),
        (1000, 72, True),
        (1000, 36, True),
    ):
        formula = hopfield_all_fixed_probability if every else hopfield_fixed_fraction
        what = f"{'all patterns' if every else 'share of patterns'} fixed, d={d}, n={n}"
        trials = 5 if small else 40
        here, error = mean_of(what, fixed(d, n, every), trials)
        yield compared(
            "3",
            "derived here",
            "at the n / (2 ln d) and n / (4 ln d) of McEliece et al. (1987)",
            what,
            formula(d, n),
            here,
            0.02,
            error,
        )


def dense_memories(small: bool) -> Iterator[dict]:
    source = "Krotov & Hopfield (2016), arXiv:1606.01164"

    def wrong(d, n, degree, queries):
        def trial(rng):
            patterns = am.patterns.Bipolar().draw(rng, n, d)
            asked = patterns[:queries]
            fields = am.retrieve(DenseDifference(degree), patterns, patterns, asked)
            return 1 - jnp.mean(am.metrics.bit_accuracy(asked, fields))

        return trial

    for d, n, degree in (
        (100, 500, 3),
        (100, 1000, 3),
        (60, 6000, 4),
        (200, 2500, 3),
        (60, 3000, 4),
    ):
        queries, trials = (50, 4) if small else (200, 30)
        what = f"share of wrong signs, d={d}, n={n}, degree={degree}"
        here, error = mean_of(what, wrong(d, n, degree, queries), trials)
        leading, exact = (
            float(f(d, n, degree)) for f in (dense_bit_error_limit, dense_bit_error)
        )
        yield compared(
            "5",
            source,
            "probability of error",
            what,
            leading,
            here,
            0.15 * leading,
            error,
        )
        yield compared(
            "5b", "derived here", "variance", what, exact, here, 0.08 * exact, error
        )
    for d, degree, published in (
        (30, 2, 4.410),
        (100, 2, 10.86),
        (100, 3, 361.9),
        (60, 4, 1758.5),
    ):
        what = f"largest number of patterns, d={d}, degree={degree}"
        here = dense_capacity(d, degree)
        yield compared(
            "5c",
            source,
            "K^max without errors",
            what,
            published,
            here,
            1e-3 * published,
        )


def softmax_bounds(small: bool) -> Iterator[dict]:
    source = "Ramsauer et al. (2021), arXiv:2008.02217"
    for d, radius, published in ((20, 3, 3.1546), (75, 1, 1.3718)):
        bound = softmax_log_capacity_bound(d, 1.0, radius, 1e-3)
        base = np.exp(4 / (d - 1) * (bound - np.log(1e-3) / 2))
        what = f"base c of the number of patterns, d={d}, K={radius}, p=0.001"
        yield compared("7", source, "theorem 3", what, published, base, 1e-4)

    def ratio(beta, rng):
        d, n = 20, 50
        patterns = am.patterns.Spherical().draw(rng, n, d) * ((d - 1) / d) ** 0.5
        answers = am.retrieve(am.Softmax(beta), patterns, patterns, patterns)
        errors = am.metrics.euclidean_distance(patterns, answers)
        scores = np.asarray(patterns, np.float64) @ np.asarray(patterns, np.float64).T
        gaps = np.diag(scores)[:, None] - scores + np.diag(np.full(n, np.inf))
        bound = softmax_error_bound(n, beta, gaps.min(axis=1), np.sqrt(d - 1))
        return float(np.max(np.asarray(errors) / bound))

    for beta in (0.5, 1.0):
        trials = range(2 if small else 20)
        here = max(ratio(beta, jax.random.key(seed)) for seed in trials)
        what = f"largest error of one step over its bound, d=20, n=50, beta={beta}"
        row = compared("7b", source, "theorem 5", what, 1.0, here, 0.0)
        # A bound: what is below it agrees.
        yield {**row, "passed": here <= 1}


def linear_memories(small: bool) -> Iterator[dict]:
    d, n = 256, 64
    trials = 3 if small else 20

    def noise_kept(rng):
        for_patterns, for_noise = jax.random.split(rng)
        patterns = am.patterns.Gaussian().draw(for_patterns, n, d)
        noise = am.patterns.Gaussian().draw(for_noise, n, d)
        answers = am.retrieve(am.Pseudoinverse(), patterns, patterns, patterns + noise)
        return jnp.sqrt(jnp.mean((answers - patterns) ** 2) / jnp.mean(noise**2))

    what = f"share of the noise of a query in its answer, d={d}, n={n}"
    here, error = mean_of(what, noise_kept, trials)
    yield compared(
        "8",
        "Kohonen & Ruohonen (1973)",
        "projection",
        what,
        np.sqrt(n / d),
        here,
        0.005,
        error,
    )

    def crosstalk(rng):
        for_keys, for_values = jax.random.split(rng)
        keys = am.patterns.Spherical().draw(for_keys, n, d)
        values = am.patterns.Gaussian().draw(for_values, n, d)
        answers = am.retrieve(am.DotProduct(), keys, values, keys) / d
        return jnp.sqrt(jnp.mean((answers - values) ** 2) / jnp.mean(values**2))

    what = f"noise over signal of the dot product, d={d}, n={n}"
    here, error = mean_of(what, crosstalk, trials)
    yield compared(
        "8",
        "Kohonen (1972)",
        "crosstalk",
        what,
        np.sqrt((n - 1) / d),
        here,
        0.005,
        error,
    )


def facts(small: bool) -> Iterator[dict]:
    source = "Nichani, Lee & Bietti (2024), arXiv:2412.06538"

    def decoded(d, n):
        def trial(rng):
            for_keys, for_values = jax.random.split(rng)
            keys = am.patterns.Spherical().draw(for_keys, n, d)
            values = am.patterns.Spherical().draw(for_values, n, d)
            answers = am.retrieve(am.DotProduct(), keys, values, keys)
            return jnp.mean(am.metrics.recall_at_1(values, answers, jnp.arange(n)))

        return trial

    # Below d = 32, `dot_product_accuracy` errs by up to 0.02 at one half.
    for share, loads in ((0.99, (8, 29, 111, 433)), (0.5, (38, 115, 383, 1306))):
        for d, n in zip((16, 32, 64, 128), loads, strict=True):
            what = f"share of facts decoded, d={d}, n={n}"
            trials = 4 if small else max(8, 6400 // n)
            here, error = mean_of(what, decoded(d, n), trials)
            theory = dot_product_accuracy(d, n)
            tolerance = 0.02 if share == 0.5 and d < 32 else 0.01
            yield compared(
                "16", "derived here", "theory", what, theory, here, tolerance, error
            )
        at = np.array([capacity(share, d) for d in (16, 32, 64, 128)])
        # At one half the logarithm is that of the number of competitors.
        order, counted = (at, "n") if share == 0.99 else (at * np.log(at), "n ln n")
        for d, exponent in zip((32, 64, 128), np.diff(np.log2(order)), strict=True):
            what = f"exponent of {counted} in d at {share:.0%}, d={d // 2} to {d}"
            equation = "theorem 1, n polylog(n) = d^2"
            yield compared("16", source, equation, what, 2.0, exponent, 0.16)


def capacity(share: float, d: int) -> float:
    """Number of facts of which this share is decoded."""
    excess = lambda log_n: dot_product_accuracy(d, np.exp(log_n)) - share
    bracket = (np.log(2.0), np.log(1e6))
    return float(np.exp(root_scalar(excess, bracket=bracket, xtol=1e-6).root))


def sparse_hopfield(small: bool) -> Iterator[dict]:
    source = "Hu et al. (2023), arXiv:2309.12673"
    d, n, beta = 16, 65, 0.16
    better, agree, exact = [], [], []
    for seed in range(2 if small else 8):
        patterns = am.patterns.Spherical().draw(jax.random.key(seed), n, d)
        sparse, dense = (
            np.asarray(
                am.metrics.euclidean_distance(
                    patterns, am.retrieve(rule, patterns, patterns, patterns)
                )
            )
            for rule in (am.Sparsemax(beta), am.Softmax(beta))
        )
        scores = np.asarray(patterns, np.float64) @ np.asarray(patterns, np.float64).T
        others = np.max(scores - np.diag(np.full(n, np.inf)), axis=1)
        leads = beta * (np.diag(scores) - others) >= 1
        # Errors of rounding in float32.
        exact.extend(leads)
        agree.extend(leads == (sparse < 1e-5))
        better.extend(sparse <= dense)
    what = f"share of patterns with a smaller error than of softmax, d={d}, n={n}"
    yield compared(
        "18",
        source,
        "error below that of the dense model",
        what,
        1.0,
        np.mean(better),
        0.0,
    )
    what = f"share exact where the lead is 1 and not else ({np.mean(exact):.0%} lead)"
    yield compared("18", source, "margin of sparsemax", what, 1.0, np.mean(agree), 0.0)


def exponential_capacity(small: bool) -> Iterator[dict]:
    source = "Lucibello & Mezard (2024), arXiv:2304.14964"
    for keys, metric, beta, published, tolerance in (
        ("spherical", "cosine", 0.05, 0.0951, 3e-4),
        ("spherical", "cosine", 1.0, 0.9088, 3e-4),
        ("spherical", "weight", 0.1, 0.0950, 3e-4),
        ("spherical", "weight", 1.0, 0.6226, 3e-4),
        ("gaussian", "cosine", 0.05, 0.0950, 3e-3),
        ("gaussian", "weight", 0.1, 0.0950, 3e-3),
        ("gaussian", "weight", 1.0, 0.5, 3e-3),
    )[:: 3 if small else 1]:
        low, high = (log_capacity(d, beta, keys, metric) for d in (64, 256))
        what = f"ln n over d at half, {keys} keys, {metric}, beta={beta}, d=64 to 256"
        slope = (high - low) / 192
        yield compared("20", source, "alpha_1", what, published, slope, tolerance)


def log_capacity(d: int, beta: float, keys: str, metric: str) -> float:
    """Logarithm of the number of pairs at which the mean square, or weight, is half."""
    formula, level = {
        "cosine": (softmax_cosine, 0.5**0.5),
        "weight": (softmax_target_weight, 0.5),
    }[metric]
    excess = lambda log_n: formula(d, np.exp(log_n), beta, keys=keys) - level
    return root_scalar(excess, bracket=(0.0, 1.2 * d), xtol=1e-4).root


if __name__ == "__main__":
    main()
