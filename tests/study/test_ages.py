"""Pairs asked by their age, and pairs that are asked and never stored."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import FEW

import assocmem_jax as am
from assocmem_jax._base.random import trial_words


class Newest(am.AbstractRule):
    """A correlation matrix of the newest half of the pairs."""

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        add = lambda a, b: a + b
        answer = lambda block: fold.dot(fold.dot(query, block.keys.T), block.values)
        older = am.Fold(fold.block_size, fold.count(memory) // 2)
        return fold(answer, add, memory) - older(answer, add, memory)


@pytest.fixture(scope="module")
def by_age():
    rules = {**FEW, "newest": Newest()}
    settings = {"d": [8], "n": [3, 32, 64], "trials": 3, "query_noise": [0.0, 0.3]}
    return am.sweep(rules, **settings, ages=4), am.sweep(rules, **settings)


def test_ages_make_up_the_stored_pairs(by_age):
    ages, whole = by_age
    assert ages["age"].values.tolist() == [0.125, 0.375, 0.625, 0.875]
    for name in ("cosine", "distance"):
        mean = ages[name].mean("age").sel(n=[32, 64])
        np.testing.assert_allclose(
            mean.transpose(*whole[name].dims), whole[name].sel(n=[32, 64]), rtol=1e-5
        )


def test_a_part_without_a_pair_is_unknown(by_age):
    ages, _ = by_age
    assert ages["asked"].sel(n=3).values.tolist() == [0, 1, 1, 1]
    known = ages["cosine"].sel(n=3).notnull()
    assert known.isel(age=slice(1, 4)).all() and not known.isel(age=0).any()
    assert ages["cosine_std"].sel(n=3).isel(age=0).isnull().all()


def test_what_forgets_knows_the_newest_alone(by_age):
    cosine = by_age[0]["cosine"].sel(rule="newest", n=64, query_noise=0).mean("trial")
    new, old = cosine.sel(age=[0.125, 0.375]), cosine.sel(age=[0.625, 0.875])
    assert (new > 0.2).all() and (abs(old) < 0.15).all()


def test_capacities_and_intervals_are_those_of_each_age(by_age):
    ages = by_age[0].sel(rule=list(FEW))
    found = am.capacity(ages, threshold=0.7)["capacity"]
    assert found.dims == ("rule", "d", "query_noise", "age")
    alone = am.capacity(ages.sel(age=[0.375]), threshold=0.7)["capacity"]
    np.testing.assert_array_equal(found.sel(age=[0.375]), alone)
    assert am.mean_interval(ages, "cosine").sizes["age"] == 4


@pytest.fixture(scope="module")
def labeled():
    """Points with the quadrant that they are in."""
    keys = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    labels = np.eye(4, dtype=np.float32)[(keys[:, :2] > 0) @ [1, 2]]
    return am.patterns.Samples(keys, labels)


def test_what_is_held_out_is_the_end_of_the_samples(labeled):
    """By NumPy: the least-squares answer to the last rows of the shuffle."""
    data = am.sweep(
        {"pinv": am.Pseudoinverse()},
        d=[8],
        n=[100],
        trials=2,
        ensemble=labeled,
        held_out=30,
        metrics=("recall", "cosine"),
    )
    for trial in range(2):
        words = trial_words(0, 8, np.array([trial]))[0, 0]
        rng = jax.random.wrap_key_data(jnp.asarray(words), impl="threefry2x32")
        index = jnp.arange(200, dtype=jnp.int32)
        keys = np.asarray(labeled.rows(rng, index, 8), np.float64)
        labels = np.asarray(labeled.value_rows(rng, index), np.float64)
        answers = keys[170:] @ np.linalg.lstsq(keys[:100], labels[:100])[0]
        away = ((answers[:, None] - labels[None, :100]) ** 2).sum(-1)
        right = (labels[:100][away.argmin(1)] == labels[170:]).all(1)
        cell = data.isel(trial=trial).squeeze()
        assert float(cell["recall"]) == pytest.approx(right.mean())
        lengths = np.linalg.norm(answers, axis=1) * np.linalg.norm(labels[170:], axis=1)
        cosine = (answers * labels[170:]).sum(1) / lengths
        assert float(cell["cosine"]) == pytest.approx(cosine.mean(), abs=1e-5)
    assert data["asked"].values.tolist() == [30]


def test_further_pairs_of_an_ensemble_are_answered_by_chance():
    data = am.sweep(FEW, d=[8], n=[4, 64], trials=64, held_out=8)["cosine"]
    error = data.std("trial", ddof=1) / 8
    assert (abs(data.mean("trial")) < 4 * error).all()


def has_theory(data):
    legend = am.plot.curves(data, "cosine", hue="rule").get_legend()
    assert legend is not None
    return "theory" in [text.get_text() for text in legend.get_texts()]


def test_theory_is_drawn_of_stored_pairs_of_any_age_alone(by_age):
    assert has_theory(by_age[0].sel(age=0.125, query_noise=0, rule=list(FEW)))
    settings = {"d": [8], "n": [4, 64], "trials": 2}
    assert not has_theory(am.sweep(FEW, **settings, held_out=8))


@pytest.mark.parametrize(
    "given, match",
    [
        ({"held_out": 3, "asked": 2}, r"asked=..., held_out=...\)` cannot go together"),
        ({"held_out": 3, "ages": 2}, r"ages=..., held_out=...\)` cannot go together"),
        ({"held_out": 3, "values": "marginalized"}, "gives no weight to a value that"),
        ({"held_out": 0}, r"`sweep\(held_out=...\)` must be at least 1, got 0"),
        ({"ages": 0}, r"`sweep\(ages=...\)` must be at least 1, got 0"),
        ({"ages": 2**15 + 1}, r"`sweep\(ages=...\)` must be at most 32768, got 32769"),
        (
            {"held_out": 9, "ensemble": am.patterns.Samples(np.ones((16, 4)))},
            "needs 8 pairs that are stored and 9 that are not, and `Samples` holds 16",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(given, match):
    with pytest.raises(ValueError, match=match):
        am.sweep(FEW, **{"d": [4], "n": [8], **given})


def test_stores_of_other_questions_are_refused(tmp_path):
    one = {"dot": am.DotProduct()}
    am.sweep(one, d=[4], n=[8], store=tmp_path, ages=2)
    others: Any = ({"ages": 4}, {"ages": 2, "asked": 2}, {"held_out": 2}, {})
    for other in others:
        with pytest.raises(ValueError, match="holds a study with other settings"):
            am.sweep(one, d=[4], n=[8], store=tmp_path, **other)
