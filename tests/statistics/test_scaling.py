"""Scaling laws: exponents, constants, and which law is best."""

import numpy as np
import pytest
import xarray as xr
from helpers import slow
from scipy import stats

from assocmem_jax._statistics.capacity import capacity
from assocmem_jax._statistics.scaling import fit_scaling


D = 2.0 ** np.arange(3, 10)


def as_capacities(n, error, d=D, trials=16):
    """What `capacity` returns where the standard error of log n* is known."""
    n = np.atleast_2d(n)
    error, shape = np.broadcast_to(error, n.shape), n.shape
    half = stats.t.ppf(0.975, trials - 1) * error
    variables = {
        "capacity": n,
        "low": n * np.exp(-half),
        "high": n * np.exp(half),
        "censored": np.full(shape, "no", "<U7"),
        "trials": np.full(shape, trials),
    }
    return xr.Dataset(
        {name: (("rule", "d"), array.copy()) for name, array in variables.items()},
        {"rule": [f"rule {i}" for i in range(len(n))], "d": d},
        attrs={"metric": "cosine", "threshold": 0.9, "confidence": 0.95},
    )


def covered(fit, name, value):
    return float(
        ((fit[f"{name}_low"] <= value) & (fit[f"{name}_high"] >= value)).mean()
    )


# Where the stated errors are right, they are never deflated: a little too careful.
@pytest.mark.parametrize(
    ("understated", "limits"),
    ((1.0, (0.95, 0.985)), (1.2, (0.93, 0.97)), (3.0, (0.93, 0.97))),
)
def test_intervals_cover_exponent_and_constant(understated, limits, rng):
    error = rng.uniform(0.02, 0.08, size=(2000, len(D)))
    scatter = understated * error * rng.normal(size=error.shape)
    fit = fit_scaling(as_capacities(1.5 * D**1.3 * np.exp(scatter), error))
    for name, value in (("exponent", 1.3), ("constant", 1.5)):
        assert limits[0] < covered(fit, name, value) < limits[1]
        assert abs(float(fit[name].median()) - value) < 0.01


@pytest.mark.parametrize(
    ("trials", "points"),
    ((2, 5), *(slow(t, p) for t in (2, 3, 4, 8, 16) for p in (3, 4, 7))),
)
def test_intervals_cover_where_few_trials_tell_the_errors(trials, points, rng):
    """The errors are estimates, too: trusted as known, 0.80 with 2 trials."""
    d = 2.0 ** np.arange(3, 3 + points)
    shape = (200, points)
    for true in (0.05, rng.uniform(0.02, 0.08, shape), 0.1 * (d / 8) ** -0.5):
        freedom = trials - 1
        error = true * np.sqrt(rng.chisquare(freedom, shape) / freedom)
        n = 1.5 * d**1.3 * np.exp(true * rng.normal(size=shape))
        fit = fit_scaling(as_capacities(n, error, d, trials))
        limit = 4 * np.sqrt(0.95 * 0.05 / len(n))
        for name, value in (("exponent", 1.3), ("constant", 1.5)):
            assert 0.95 - limit < covered(fit, name, value)


def test_errors_of_many_trials_are_believed(rng):
    """Moderated errors are those stated where trials tell them well."""
    error = rng.uniform(0.02, 0.08, size=len(D))
    n = D * np.exp(0.03 * rng.normal(size=len(D)))
    fit = fit_scaling(as_capacities(n, error, trials=10**6)).isel(rule=0)
    line = np.polyfit(np.log(D), np.log(n), 1, w=1 / error)
    assert float(fit["exponent"]) == pytest.approx(line[0], rel=1e-4)


def test_the_error_of_a_capacity_is_taken_where_it_is_known():
    """Intervals from two trials are open, and their errors are not."""
    cap = as_capacities(D, 0.05, trials=16)
    expected = fit_scaling(cap)
    cap["log_error"] = cap["capacity"] * 0 + 0.05
    cap["low"][:], cap["high"][:] = 0.0, np.inf
    xr.testing.assert_allclose(fit_scaling(cap), expected)


@pytest.mark.parametrize("trials", (2, slow(3), slow(4), slow(8)))
def test_intervals_cover_from_the_study_to_the_exponent(trials, rng):
    """Scores of 200 studies, and their capacities between loads that were measured."""
    d, threshold = np.array([8.0, 12, 16, 24, 32]), 0.8
    n = np.array([4.0, 6, 8, 12, 16, 24, 32, 48, 64, 96])
    mean = np.sqrt(np.minimum(1, d[:, None, None] / n))
    shape = (200, len(d), trials, len(n))
    # As in a real study, trials scatter less where d is large.
    scatter = 0.3 / d[:, None, None]
    samples = mean + scatter * rng.normal(size=(*shape[:-1], 1))
    samples = samples + 0.3 * scatter * rng.normal(size=shape)
    ds = xr.Dataset(
        {"cosine": (("rule", "d", "trial", "n"), samples)}, {"d": d, "n": n}
    )
    fit = fit_scaling(capacity(ds, threshold=threshold))
    limit = 4 * np.sqrt(0.95 * 0.05 / shape[0])
    for name, value in (("exponent", 1), ("constant", threshold**-2)):
        assert 0.95 - limit < covered(fit, name, value)


def test_capacities_of_a_study_give_its_law(rng):
    """The pseudoinverse: mean cosine sqrt(d / n), so n* = d / c^2."""
    d, n, threshold = D[:5], np.geomspace(8, 1024, 64).round(), 0.8
    shape = (200, len(d), 12, len(n))
    cosine = np.sqrt(np.minimum(1, d[:, None, None] / n))
    samples = cosine + 0.03 * rng.normal(size=(*shape[:-1], 1))
    samples = samples + 0.003 * rng.normal(size=shape)
    dims = ("rule", "d", "trial", "n")
    ds = xr.Dataset({"cosine": (dims, samples)}, {"d": d, "n": n})
    fit = fit_scaling(capacity(ds, threshold=threshold))
    assert 0.92 < covered(fit, "exponent", 1) <= 1
    assert 0.92 < covered(fit, "constant", threshold**-2) <= 1
    assert fit["weight"].mean("rule").idxmax("law") == "d"
    assert fit.attrs["metric"] == "cosine" and fit.attrs["threshold"] == threshold


@pytest.mark.parametrize(
    ("law", "n", "constant", "parameter"),
    (
        ("d/log d", 3 * D / np.log(D), 3, np.nan),
        ("d", D / 0.81, 1 / 0.81, np.nan),
        ("d log d", D * np.log(D), 1, np.nan),
        ("d^2/log d", D**2 / (2 * np.log(D)), 0.5, np.nan),
        ("d^2", 0.1 * D**2, 0.1, np.nan),
        ("d^3", 0.1 * D**3, 0.1, np.nan),
        ("power", 2 * D**1.5, 2, 1.5),
        ("exponential", 3 * np.exp(0.05 * D), 3, 0.05),
    ),
)
def test_the_right_law_has_the_largest_weight(law, n, constant, parameter):
    fit = fit_scaling(as_capacities(n, 0.03)).isel(rule=0)
    assert fit["weight"].idxmax("law") == fit["aic"].idxmin("law") == law
    assert float(fit["weight"].sum()) == pytest.approx(1)
    best = fit.sel(law=law)
    assert float(best["law_constant"]) == pytest.approx(constant)
    assert float(best["law_parameter"]) == pytest.approx(parameter, nan_ok=True)


def test_the_right_law_is_found_through_noise(rng):
    noise = np.exp(0.05 * rng.normal(size=(100, len(D))))
    for law, n in (
        ("d^2/log d", D**2 / (2 * np.log(D))),
        ("exponential", np.exp(0.1 * D)),
    ):
        fit = fit_scaling(as_capacities(n * noise, 0.05))
        assert float((fit["aic"].idxmin("law") == law).mean()) > 0.8


def test_the_criterion_is_twice_the_negative_log_likelihood(rng):
    error = rng.uniform(0.02, 0.05, size=len(D))
    residuals = error * rng.normal(size=len(D)) * np.array([[0.3], [4.0]])
    fit = fit_scaling(as_capacities(D * np.exp(residuals), error, trials=10**6)).sel(
        law="power"
    )
    for i, y in enumerate(np.log(D) + residuals):
        line = np.polyval(np.polyfit(np.log(D), y, 1, w=1 / error), np.log(D))
        scale = max(1, np.sqrt(np.mean(((y - line) / error) ** 2)))
        likelihood = stats.norm.logpdf(y, line, scale * error).sum()
        constant = 2 * np.log(error).sum() + len(D) * np.log(2 * np.pi)
        assert float(fit["aic"][i]) == pytest.approx(4 - 2 * likelihood - constant)


def test_units_do_not_matter(rng):
    n = 2 * D**1.5 * np.exp(0.1 * rng.normal(size=len(D)))
    fit = fit_scaling(as_capacities(n, 0.03)).isel(rule=0)
    more = fit_scaling(as_capacities(10 * n, 0.03)).isel(rule=0)
    wider = fit_scaling(as_capacities(n, 0.03, 10 * D)).isel(rule=0)
    for end in ("", "_low", "_high"):
        assert float(more[f"exponent{end}"]) == pytest.approx(
            float(fit[f"exponent{end}"])
        )
        assert float(wider[f"exponent{end}"]) == pytest.approx(
            float(fit[f"exponent{end}"])
        )
        assert float(more[f"constant{end}"]) == pytest.approx(
            10 * float(fit[f"constant{end}"])
        )
    scale = float(10 ** -fit["exponent"])
    assert float(wider["constant"]) == pytest.approx(scale * float(fit["constant"]))
    np.testing.assert_allclose(more["aic"], fit["aic"])


def test_the_order_of_dimensions_and_of_axes_does_not_matter(rng):
    noise = np.exp(0.05 * rng.normal(size=(3, len(D))))
    cap = as_capacities(D * noise, 0.05)
    shuffled = cap.isel(d=rng.permutation(len(D))).transpose("d", "rule")
    xr.testing.assert_identical(fit_scaling(shuffled), fit_scaling(cap))


def test_precise_capacities_count_more():
    n = D.copy()
    n[-1] *= 3
    error = np.full(len(D), 0.01)
    error[-1] = 10.0
    fit = fit_scaling(as_capacities(n, error))
    assert float(fit["exponent"][0]) == pytest.approx(1, abs=1e-4)


def test_intervals_without_width_do_not_break_the_fit():
    n = D.copy()
    n[2] *= 1.01
    fit = fit_scaling(as_capacities(n, 0.0))
    assert fit["exponent_low"][0] < 1 < fit["exponent_high"][0]
    exact = fit_scaling(as_capacities(D, 0.0))
    assert float(exact["exponent"][0]) == pytest.approx(1)
    assert 0 < exact["exponent_high"][0] - exact["exponent_low"][0] < 0.002


def test_censored_capacities_are_left_out():
    cap = as_capacities(np.stack([D, D]), 0.03)
    expected = fit_scaling(cap.isel(d=slice(2, 6)))
    cap["capacity"][:, [0, 1, 6]] = np.nan
    cap["censored"][:, 0], cap["censored"][:, 1] = "below", "unknown"
    cap["censored"][:, 6] = "above"
    fit = fit_scaling(cap)
    assert np.all(fit["points"] == 4) and np.all(fit["left_out"] == 3)
    xr.testing.assert_equal(fit.drop_vars("left_out"), expected.drop_vars("left_out"))


def test_half_an_interval_is_enough():
    cap = as_capacities(D, 0.03)
    expected = fit_scaling(cap)
    cap["low"][0, 0], cap["high"][0, 6] = 0.0, np.inf
    xr.testing.assert_allclose(fit_scaling(cap), expected)
    cap["low"][0, 6] = 0.0
    assert fit_scaling(cap)["left_out"][0] == 1


def test_too_few_dimensions_give_no_exponent():
    cap = as_capacities(np.stack([D, D]), 0.03)
    cap["censored"][1, 2:] = "above"
    fit = fit_scaling(cap)
    assert fit["points"].to_numpy().tolist() == [7, 2]
    assert not np.isnan(fit["exponent"][0])
    for name in set(fit) - {"points", "left_out"}:
        assert np.isnan(fit[name][1]).all()


def test_dimension_one_rules_out_laws_with_its_logarithm():
    d = np.array([1.0, 2, 4, 8])
    fit = fit_scaling(as_capacities(2 * d, 0.03, d)).isel(rule=0)
    broken = fit["law"].isin(["d/log d", "d log d", "d^2/log d"])
    for name in ("aic", "weight", "law_constant"):
        np.testing.assert_array_equal(np.isnan(fit[name]), broken)
    assert float(fit["weight"].sum()) == pytest.approx(1)


def test_three_points_off_any_line_tell_nothing():
    fit = fit_scaling(as_capacities([1.0, 1e15, 1.0], 0.03, D[:3])).isel(rule=0)
    assert fit["constant_low"] < 1e-300 and fit["constant_high"] == np.inf


def test_further_axes_are_kept():
    cap = xr.concat(
        [as_capacities(D**a, 0.03) for a in (1.0, 2.0)], xr.Variable("beta", [0.5, 1])
    )
    fit = fit_scaling(cap, confidence=0.8)
    assert fit["exponent"].dims == ("beta", "rule")
    assert fit["weight"].dims == ("beta", "rule", "law")
    np.testing.assert_allclose(fit["exponent"][:, 0], [1, 2])
    for variable in fit.data_vars.values():
        assert variable.attrs["long_name"] and variable.attrs["units"] == "1"
    assert fit.attrs["confidence"] == 0.8
    one = fit_scaling(cap.isel(beta=0, rule=0))
    assert one["exponent"].dims == () and one["weight"].dims == ("law",)


def censored(cap):
    cap["censored"][0, 2:], cap["censored"][1, 1:] = "above", "below"
    return cap


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (
            lambda cap: fit_scaling(censored(cap)),
            "at least 3 dimensions .* got rule 0: 2; rule 1: 1. Measure more",
        ),
        (
            lambda cap: fit_scaling(cap.isel(d=slice(2), rule=0, drop=True)),
            "at least 3 dimensions .* got here: 2",
        ),
        (lambda cap: fit_scaling(cap.isel(d=0)), "must have an axis `d`"),
        (lambda cap: fit_scaling(cap, confidence=0.0), r"confidence=...\)` .* got 0.0"),
        (
            lambda cap: fit_scaling(cap.drop_vars(["low", "high"])),
            "must be what `capacity` returns, .* got no low, high",
        ),
        (
            lambda cap: fit_scaling(cap.drop_attrs()),
            "got no attribute confidence",
        ),
    ),
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call(as_capacities(np.stack([D, D]), 0.03))
