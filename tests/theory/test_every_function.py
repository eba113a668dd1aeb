"""All functions, over what they accept: finite, within bounds, falling with n."""

import inspect

import numpy as np
import pytest
from helpers import examples
from hypothesis import strategies as st

from assocmem_jax import theory


def powers(low, high):
    """Numbers spread evenly over their logarithm."""
    return st.floats(np.log10(low), np.log10(high)).map(lambda x: 10.0**x)


def whole(low, high):
    return powers(low, high).map(lambda x: float(min(max(round(x), low), high)))


ANY = {
    "d": whole(1, 3000),
    "n": whole(2, 1e9),
    "v": powers(1, 3000),
    "alpha": st.floats(1.05, 4),
    "beta": powers(1e-6, 1e4),
    "penalty": powers(1e3, 1e6),
    "query_noise": st.just(0.0),
    "keys": st.sampled_from(("gaussian", "spherical", "bipolar")),
    "degree": st.integers(1, 5),
    "rectified": st.booleans(),
    "order": st.integers(1, 15),
    "rate": st.floats(1e-3, 1),
    "frequencies": whole(16, 1e6),
    "features": whole(1, 1e6),
    "correlation": st.floats(0.01, 1),
    "k": st.integers(1, 2),
    "share": st.floats(0.01, 0.9),
    "every": st.booleans(),
}
NOISE = {"query_noise": st.sampled_from((0.0, 1e-3, 0.5, 3.0, 1e3)), "keys": None}
# Where the domain of a function is smaller, or larger. `None` leaves an argument out.
OWN = {
    "all_nearest_probability": {"d": whole(4, 3000)},
    "delta_best_rate": {"d": whole(100, 3000), "n": whole(2, 1e5)},
    "delta_cosine": {"d": whole(2, 3000)},
    "delta_distance": {"d": whole(2, 3000)},
    "delta_squared_error": {"d": whole(2, 3000)},
    "dense_bit_error": {"d": whole(2, 1e4), "degree": st.integers(1, 64)},
    "dense_bit_error_limit": {"d": whole(2, 1e4), "degree": st.integers(1, 64)},
    "dense_capacity": {"d": whole(2, 1e4), "degree": st.integers(2, 64)},
    "dot_product_accuracy": {"d": whole(2, 300), "v": powers(2, 300)},
    "dot_product_cosine": NOISE,
    "dot_product_distance": NOISE,
    "dot_product_fact_capacity": {"d": whole(2, 3000), "v": powers(2, 3000)},
    "dot_product_list_accuracy": {"d": whole(2, 300), "v": powers(2, 300)},
    "dot_product_recall": NOISE,
    "dot_product_squared_error": NOISE,
    "dpfp_cosine": {"d": whole(16, 3000)},
    "dpfp_rank": {"d": whole(8, 3000)},
    "entmax_cosine": NOISE,
    "epanechnikov_cosine": {"d": whole(1, 1e4), **NOISE},
    "epanechnikov_exact_fraction": {"d": whole(1, 1e4), **NOISE},
    "epanechnikov_squared_error": {"d": whole(1, 1e4)},
    "feature_map_cosine": {
        "d": whole(8, 3000),
        "mean": st.floats(-1, 1),
        "second_moment": powers(1, 1e6),
    },
    "hopfield_all_fixed_probability": {"d": whole(2, 1e4)},
    "hopfield_bit_error": {"d": whole(2, 1e4)},
    "hopfield_fixed_fraction": {"d": whole(2, 1e4)},
    "hopfield_overlap": {"load": st.floats(0, 0.1379)},
    "mean_cosine": {"correlation": st.floats(0, 1)},
    "nearest_cosine": NOISE,
    "nearest_distance": NOISE,
    "nearest_key_probability": NOISE,
    "nearest_squared_error": NOISE,
    "polynomial_cosine": {"d": whole(2, 300)},
    "polynomial_mean_field_cosine": {"d": whole(8, 3000)},
    "positive_features_error": {"sum_norm": st.floats(0, 26)},
    "pseudoinverse_cosine": NOISE,
    "pseudoinverse_cosine_approximation": {"d": whole(8, 3000), "v": whole(8, 3000)},
    "pseudoinverse_distance": NOISE,
    "pseudoinverse_recall": NOISE,
    "pseudoinverse_squared_error": NOISE,
    "quartic_cosine": {"d": whole(1, 256)},
    "relu_cosine": NOISE,
    "relu_distance": NOISE,
    "relu_recall": NOISE,
    "relu_squared_error": NOISE,
    "ridge_best_penalty": NOISE,
    "ridge_cosine": {"d": whole(16, 3000), "query_noise": st.floats(0, 1)},
    "ridge_distance": {"d": whole(16, 3000), "query_noise": st.floats(0, 1)},
    "ridge_squared_error": {"d": whole(16, 3000), "query_noise": st.floats(0, 1)},
    "softmax_cosine": NOISE,
    "softmax_distance": NOISE,
    "softmax_error_bound": {
        "separation": powers(1, 100),
        "largest_norm": powers(1, 100),
        "distance": st.floats(0, 0.01),
    },
    "softmax_log_capacity_bound": {
        "d": whole(20, 3000),
        "beta": powers(0.3, 10),
        "radius": st.just(2.0),
        "failure": st.just(0.01),
    },
    "softmax_recall": NOISE,
    "softmax_squared_error": {"d": whole(2, 300), "n": whole(2, 1e4)},
    "softmax_target_weight": NOISE,
    "softmax_threshold": {"keys": st.sampled_from(("gaussian", "spherical"))},
    "sparsemax_cosine": NOISE,
    "sparsemax_distance": NOISE,
    "sparsemax_recall": NOISE,
    "sparsemax_squared_error": NOISE,
    "top_k_cosine": {**NOISE, "d": whole(16, 300), "k": st.integers(1, 40)},
    "top_k_probability": NOISE,
    "trigonometric_features_error": {"difference_norm": st.floats(0, 26)},
    "triweight_cosine": {"d": whole(1, 256)},
}
# Not functions of numbers, or of none.
OTHERS = {
    "capacity",
    "feature_moments",
    "hopfield_barrier_capacity",
    "hopfield_capacity",
    "predict",
    "weighted_ridge_cosine",
}
ENDLESS = {"dot_product_bits", "pseudoinverse_bits", "pseudoinverse_noise_gain"}
# Answers of noisy queries to a pseudoinverse are worst at n = d.
PEAKED = {"pseudoinverse_cosine", "pseudoinverse_noise_gain", "pseudoinverse_recall"}
# Approximations, and means over points: a step up within their error.
SLACK = {
    "recall": 0.01,
    "ridge": 0.02,
    "sparsemax": 0.02,
    "entmax": 0.02,
    "accuracy": 0.01,
    "top_k": 0.04,
}
NAMES = sorted(
    name
    for name, x in vars(theory).items()
    if inspect.isfunction(x) and name not in OTHERS
)


def arguments(name):
    own = {**ANY, **OWN.get(name, {})}
    taken = inspect.signature(getattr(theory, name)).parameters
    return st.fixed_dictionaries({x: own[x] for x in taken if own.get(x) is not None})


@pytest.mark.parametrize(
    ("name", "given"),
    (
        ("dot_product_cosine", {}),
        ("dot_product_cosine", {"keys": "spherical"}),
        ("dot_product_cosine", {"keys": "bipolar"}),
        ("relu_cosine", {"query_noise": 0.5}),
        ("relu_cosine", {"keys": "bipolar"}),
        ("polynomial_cosine", {"degree": 1}),
        ("polynomial_cosine", {"degree": 1, "keys": "spherical"}),
        ("delta_cosine", {"rate": 0.5}),
    ),
)
def test_many_dimensions_have_a_limit(name, given):
    size = np.array([2.0**20, 2.0**30])
    large, larger = getattr(theory, name)(size, size, v=8, **given)
    assert 0.5 < large == pytest.approx(larger, abs=1e-5)


@pytest.mark.parametrize("keys", ("gaussian", "spherical", "bipolar"))
def test_squares_of_many_dimensions_keep_their_digits(keys):
    d = np.array([1e3, 2.0**30])
    error = theory.polynomial_squared_error(d, d, degree=3, v=1, keys=keys)
    # Next to d^6 = |k|^12 of the right pair all else is small: 30 d^5 of norms that
    # vary, and terms of d^4.
    expected = 1 + (30 if keys == "gaussian" else 0) / d
    assert (abs(error / d**6 - expected) < 400 / d**2 + 1e-13).all()


def test_sizes_without_nodes_are_refused():
    with pytest.raises(ValueError, match=r"cosine\(d=...\)` is known for d <= 1e15"):
        theory.dot_product_cosine(10**30, 10**30)
    with pytest.raises(ValueError, match=r"d <= 2\*\*31 where keys are bipolar"):
        theory.softmax_cosine(2**32, 4, 1.0, keys="bipolar")


ODD = ("four", True, 1j, [1, "a"], object(), np.nan, -np.inf, [[1], [2, 3]], None)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_number_is_refused_by_name(name):
    formula = getattr(theory, name)
    taken = inspect.signature(formula).parameters
    numbers = [x for x in taken if x not in ("keys", "rectified", "every")]
    usual = {x: 2.0 if x in ("d", "n", "alpha") else 1.0 for x in numbers}
    for argument in numbers:
        for odd in ODD:
            if odd is None and taken[argument].default is None:
                continue
            with pytest.raises((TypeError, ValueError)) as caught:
                formula(**{**usual, argument: odd})
            said = str(caught.value)
            # Or what the types of arguments say, where these are checked.
            checked = "Type-check error whilst" in said
            assert checked or f"`theory.{name}({argument}=...)`" in said, said


@pytest.mark.parametrize("name", NAMES)
@examples(3, 12, data=st.data())
def test_is_finite_bounded_and_falls_with_n(name, data):
    formula, given = getattr(theory, name), data.draw(arguments(name))
    loads = np.array([given["n"], 2 * given["n"]]) if "n" in given else np.ones(2)
    options = {**given, "n": loads} if "n" in given else given
    found = np.broadcast_to(np.asarray(formula(**options)), (2,))
    # As documented: of bits of real numbers, and of noise next to n = d.
    assert np.isfinite(found).all() or (name in ENDLESS and not np.isnan(found).any())
    last = name.rpartition("_")[2]
    if last in ("cosine", "recall", "probability", "fraction", "accuracy", "weight"):
        assert (found >= -1e-12).all() and (found <= 1).all()
        if name not in PEAKED or not given.get("query_noise"):
            slack = sum(x for part, x in SLACK.items() if part in name)
            assert found[1] <= found[0] + slack + 1e-9
    elif last in ("distance", "error", "bound", "capacity", "rank", "norm", "gain"):
        assert (found >= 0).all()
