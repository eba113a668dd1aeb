"""The settings of a study: one form, as text, and what is refused."""

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._base.text import from_text, to_text
from assocmem_jax._spec.checks import check_spec
from assocmem_jax.study import Spec
from assocmem_jax.study._programs import compiled_kernel


SOFT = {"soft": am.Softmax()}
RULES = {"soft": am.Softmax(), "dot": am.DotProduct()}
SAMPLES = am.patterns.Samples(np.ones((10, 4)))


class Odd(am.AbstractSeparation):
    """Fields of which one is a number."""

    kind: str = "relu"
    step: Callable = jax.nn.relu
    flag: bool = True
    many: jax.Array = eqx.field(default_factory=lambda: jnp.ones(3))
    number: float = 2.0

    def weigh(self, scores, mask):
        return None, self.step(scores)


ODD = {"odd": Odd()}
LABELED = am.patterns.Samples(np.ones((10, 4)), np.ones((10, 3)))


def test_settings_that_mean_the_same_have_one_form():
    typed = Spec(SOFT, d=[4], n=[2, 8], query_noise=[0.0, 0.5]).describe()
    arrays = am.sweep(
        SOFT,
        d=np.array([4]),
        n=np.array([2, 8], np.int32),
        query_noise=np.array([0.0, 0.5]),
        metrics=["cosine", "distance"],
        seed=np.uint32(0),
    )
    assert json.loads(arrays.attrs["spec"]) == json.loads(json.dumps(typed)) == typed


@pytest.mark.parametrize(
    "changed",
    (
        {"rules": {"soft": am.Softmax(0.5), "dot": am.DotProduct()}},
        {"d": [5]},
        {"n": [2, 9]},
        {"trials": 2},
        {"v": 4},
        {"ensemble": am.patterns.Bipolar()},
        {"ensemble": SAMPLES},
        {"values": "keys"},
        {"values": am.patterns.Spherical()},
        {"query_noise": 0.1},
        {"query_noise": [0.0]},
        {"mask_fraction": 0.1},
        {"flip_probability": 0.1},
        {"vary": {"beta": [1.0]}},
        {"metrics": ["cosine"]},
        {"success_cosine": 0.5},
        {"seed": 1},
    ),
)
def test_all_that_the_numbers_depend_on_is_described(changed):
    plain = {"rules": RULES, "d": [4], "n": [2, 8]}
    assert Spec(**{**plain, **changed}).describe() != Spec(**plain).describe()


def test_levels_are_combined_in_order():
    spec = Spec(
        RULES, d=[4], n=[2], query_noise=[0.0, 0.5], flip_probability=[0.1, 0.2]
    )
    levels, parts = spec.questions()
    assert parts.tolist() == [0] * 4
    np.testing.assert_allclose(levels["query_noise"], [0, 0, 0.5, 0.5])
    np.testing.assert_allclose(
        levels["flip_probability"], [0.1, 0.2, 0.1, 0.2], rtol=1e-6
    )
    assert list(spec.corruption_axes) == ["query_noise", "flip_probability"]
    assert spec.corrupted and not Spec(RULES, d=[4], n=[2], query_noise=[0.0]).corrupted


def test_ages_are_levels_beside_those_of_corruptions():
    spec = Spec(RULES, d=[4], n=[2], query_noise=[0.0, 0.5], ages=2)
    levels, parts = spec.questions()
    np.testing.assert_allclose(levels["query_noise"], [0, 0, 0.5, 0.5])
    assert parts.tolist() == [0, 1, 0, 1] and spec.num_levels == 4
    _, parts = spec.questions([3, 0])
    assert parts.tolist() == [1, 0]


def test_only_rules_that_have_a_hyperparameter_vary_in_it():
    spec = Spec(RULES, d=[4], n=[2], vary={"beta": [1.0, 2.0]})
    assert spec.points("soft") == [{"beta": 1.0}, {"beta": 2.0}]
    assert spec.points("dot") == [{}]


BAD_VALUES = (
    ({"rules": {}}, "rules=.*must not be empty"),
    ({"d": []}, "d=.*must not be empty"),
    ({"d": [0]}, "d=.*at least 1, got 0"),
    ({"d": [-1]}, "d=.*at least 1, got -1"),
    ({"d": [4, 4]}, "d=.*must not repeat"),
    ({"d": [8, 4]}, r"d=.*must ascend, got \[8, 4\].*sorted"),
    ({"n": []}, "n=.*must not be empty"),
    ({"n": [4, 0]}, "n=.*at least 1, got 0"),
    ({"n": [-4]}, "n=.*at least 1, got -4"),
    ({"n": [4, 8, 4]}, "n=.*must not repeat"),
    ({"n": [8, 4]}, r"n=.*must ascend, got \[8, 4\]"),
    ({"trials": 0}, "trials=.*at least 1, got 0"),
    ({"trials": -2}, "trials=.*at least 1, got -2"),
    ({"v": 0}, "v=.*at least 1, got 0"),
    ({"v": 3, "values": "keys"}, "v=.*left out.*got 3"),
    ({"v": 3, "ensemble": LABELED}, "v=.*left out.*got 3"),
    ({"metrics": []}, "metrics=.*must not be empty"),
    ({"metrics": ["cosin"]}, "no metric 'cosin'. Did you mean `cosine`"),
    ({"metrics": ["recall@1"]}, "no metric 'recall@1'. Did you mean `recall`"),
    ({"metrics": ["xyz"]}, "no metric 'xyz'. Choose from `cosine`"),
    ({"metrics": ["cosine", "cosine"]}, "metrics=.*must not repeat"),
    ({"seed": -1}, r"seed=.*below 2\*\*32, got -1"),
    ({"seed": 2**32}, r"seed=.*below 2\*\*32, got 4294967296"),
    ({"success_cosine": 1.0}, "success_cosine=.*below 1, got 1.0"),
    ({"success_cosine": -1.5}, "success_cosine=.*above -1.*got -1.5"),
    ({"success_cosine": np.nan}, "success_cosine=.*got nan"),
    ({"query_noise": -0.1}, r"sweep\(query_noise=.*got -0.1"),
    ({"query_noise": np.inf}, r"sweep\(query_noise=.*got inf"),
    ({"query_noise": np.nan}, r"sweep\(query_noise=.*got nan"),
    ({"query_noise": [0.0, np.inf]}, r"sweep\(query_noise=.*got inf"),
    ({"query_noise": []}, "query_noise=.*must not be empty"),
    ({"query_noise": [0.1, 0.1]}, "query_noise=.*must not repeat"),
    ({"mask_fraction": 1.5}, r"sweep\(mask_fraction=.*from 0 to 1, got 1.5"),
    ({"flip_probability": [0.1, -1.0]}, r"flip_probability=.*from 0 to 1, got -1"),
    ({"ensemble": SAMPLES, "n": [11]}, "11 patterns, and `Samples` holds 10"),
    ({"ensemble": SAMPLES, "d": [4, 5]}, "dimension 5.*of dimension 4"),
    ({"values": SAMPLES, "n": [11]}, r"^`sweep\(values=...\)` asks for 11 patt"),
    ({"values": SAMPLES, "v": 3}, "values=.*dimension 3.*of dimension 4"),
    ({"vary": {"bta": [1.0]}}, "vary=.*'bta'.*of no rule here. Did you mean `beta`"),
    ({"vary": {"kind": [1.0, 2.0]}, "rules": ODD}, "'kind', a hyperparameter of no"),
    ({"vary": {"step": [1.0, 2.0]}, "rules": ODD}, "'step', a hyperparameter of no"),
    ({"vary": {"flag": [1.0, 2.0]}, "rules": ODD}, "'flag', a hyperparameter of no"),
    ({"vary": {"many": [1.0, 2.0]}, "rules": ODD}, "Choose from `number`"),
    ({"vary": {"beta": []}}, "vary=.*must not be empty"),
    ({"vary": {"beta": [1.0, 1.0]}}, "vary=.*must not repeat"),
    ({"vary": {"beta": [1.0, -2.0]}}, "beta=.*from 0 to below inf, got -2"),
    ({"vary": {"beta": [np.inf]}}, "beta=.*from 0 to below inf, got inf"),
)
BAD_KINDS = (
    ({"rules": [am.ReLU()]}, r"Spec\(rules=.*must be like"),
    ({"rules": {"x": "softmax"}}, "must map names to rules.*got 'softmax' for 'x'"),
    ({"rules": {"x": am.Softmax}}, "must map names to rules.*for 'x'"),
    ({"rules": {1: am.Softmax()}}, "must map names to rules.*for 1"),
    ({"d": 4}, r"Spec\(d=.*must be like `\[16, 32\]`, got 4"),
    ({"d": [4.0]}, "d=.*whole number, got 4.0"),
    ({"d": "4"}, r"Spec\(d=.*must be like `\[16, 32\]`, got '4'"),
    ({"n": 4}, r"Spec\(n=.*must be like `\[4, 8\]`, got 4"),
    ({"n": [2.5]}, "n=.*whole number, got 2.5"),
    ({"n": [True]}, "n=.*whole number, got True"),
    ({"trials": 2.5}, "trials=.*whole number, got 2.5"),
    ({"v": 2.5}, "v=.*whole number, got 2.5"),
    ({"seed": 1.5}, "seed=.*whole number, got 1.5"),
    ({"metrics": "cosine"}, r"Spec\(metrics=.*must be like.*got 'cosine'"),
    ({"ensemble": "gaussian"}, r"ensemble=.*like `Gaussian\(\)`, got 'gaussian'"),
    ({"values": "key"}, "values=.*must be like .*got 'key'"),
    ({"ensemble": np.eye(99)}, r"ensemble=.*, got .{9,99}\. .*pass `Samples\(array"),
    ({"values": np.eye(99)}, r"values=.*, got .{9,99}\. .*pass `Samples\(array\)`"),
    ({"values": 3}, "values=.*must be like .*got 3"),
    ({"query_noise": "0.5"}, "query_noise=.*must be like .*got '0.5'"),
    ({"query_noise": None}, "query_noise=.*must be like .*got None"),
    ({"query_noise": [[0.5]]}, "query_noise=.*must be like .*got"),
    ({"success_cosine": "0.9"}, "success_cosine=.*must be like .*got '0.9'"),
    ({"vary": [1.0]}, r"Spec\(vary=.*must be like .*got \[1.0\]"),
    ({"vary": {"beta": 1.0}}, "vary=.*must be like .*got 1.0"),
    ({"ensemble": {"g": "Gaussian"}}, "map names to ensembles such as .*for 'g'"),
    ({"vary": {"beta": ["1"]}}, "vary=.*must be like .*got"),
)


def refused(changed, error, message):
    before = compiled_kernel.cache_info().misses
    with pytest.raises(error, match=message):
        am.sweep(**{"rules": SOFT, "d": [4], "n": [4], **changed})
    assert compiled_kernel.cache_info().misses == before


@pytest.mark.parametrize("changed, message", BAD_VALUES)
def test_what_makes_no_study_is_refused(changed, message):
    refused(changed, ValueError, message)


@pytest.mark.parametrize("changed, message", BAD_KINDS)
def test_arguments_of_another_kind_are_named(changed, message):
    # Where annotations are checked, they speak first: here what a user is told.
    spec = object.__new__(Spec)
    plain = {field.name: field.default for field in dataclasses.fields(Spec)}
    plain |= {"ensemble": am.patterns.Gaussian(), "vary": {}}
    for name, given in {**plain, "rules": SOFT, "d": [4], "n": [4], **changed}.items():
        object.__setattr__(spec, name, given)
    with pytest.raises(TypeError, match=message):
        check_spec(spec)


def test_a_hyperparameter_does_not_take_the_place_of_an_axis():
    class Odd(am.AbstractRule[am.Pairs]):
        trial: float = 1.0

        def write(self, pairs, fold=am.Fold()):
            return pairs

        def read(self, memory, query, fold=am.Fold()):
            return am.ReLU().read(memory, query, fold)

    refused(
        {"rules": {"odd": Odd()}, "vary": {"trial": [1.0]}},
        ValueError,
        "name of another axis",
    )


class Power(am.AbstractRule[am.Pairs]):
    """A rule as a user writes it, with a plain number."""

    degree: float = 3.0

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        weigh = lambda x: fold.dot(fold.dot(x.keys, query) ** self.degree, x.values)
        return fold(weigh, jnp.add, memory)


def test_a_plain_number_is_a_hyperparameter():
    data = am.sweep({"p": Power()}, d=[4], n=[3], vary={"degree": [1.0, 2.0, 3.0]})
    dot = am.sweep({"p": am.DotProduct()}, d=[4], n=[3])
    found = data["cosine"].squeeze()
    np.testing.assert_allclose(found.sel(degree=1.0), dot["cosine"].squeeze(), 1e-5)
    assert len(set(found.values.tolist())) == 3


def test_functions_of_one_name_are_told_apart():
    shift = lambda by: lambda x: x + by
    texts = {
        to_text(Applied(f)) for f in (lambda x: x, lambda x: 2 * x, shift(1), shift(2))
    }
    assert len(texts) == 4
    assert to_text(Applied(shift(1))) == to_text(Applied(shift(1)))
    assert to_text(Applied(np.tanh)) == f"{__name__}.Applied(f=tanh)"
    # Of what has no source, there is byte code; of what holds itself, a beginning.
    assert to_text(Applied(eval("lambda x: 3 * x"))) not in texts
    assert to_text(Applied(holds_itself(1))) != to_text(Applied(holds_itself(2)))
    held = lambda x: lambda: x
    texts = {to_text(Applied(held(x))) for x in (np.zeros(5), np.ones(5))}
    assert len(texts) == 2


def holds_itself(step):
    def countdown(x):
        return x if x < 0 else countdown(x - step)

    return countdown


def test_a_class_of_the_callers_own_carries_its_module():
    class ReLU(am.DotProduct):
        pass

    assert to_text(ReLU()) == f"{__name__}.ReLU()" != to_text(am.ReLU())
    with pytest.raises(ValueError, match="must be a call such as"):
        from_text(to_text(ReLU()), {"ReLU": am.ReLU})


def test_what_a_module_holds_is_told_apart_by_its_numbers():
    class Held(eqx.Module):
        held: Any

    layer = lambda seed: eqx.nn.Linear(3, 2, key=jax.random.key(seed))
    for one, other in (
        ([np.zeros(2000)], [np.ones(2000)]),
        ((np.zeros(3), 1), (np.zeros(3), 2)),
        ([1.0], (1.0,)),
        ({"a": np.zeros(3)}, {"a": np.ones(3)}),
        (np.arange(3.0), np.arange(3)),
        (layer(0), layer(1)),
        ([layer(0)], [layer(1)]),
        (eqx.nn.Lambda(math.sin), eqx.nn.Lambda(math.cos)),
        (jax.random.key(0), jax.random.key(1)),
    ):
        assert to_text(Held(one)) != to_text(Held(other))
        assert to_text(Held(one)) == to_text(Held(one))
    assert to_text(Held({"b", "a"})).endswith("Held(held={'a', 'b'})")


class Applied(eqx.Module):
    f: Callable = eqx.field(static=True)


@pytest.mark.parametrize(
    ("given", "message"),
    (
        ({"devices": "cpu"}, r"devices=.*list of devices, got 'cpu'"),
        ({"devices": jax.devices()[0]}, "devices=.*must be a list of devices"),
        ({"store": 3}, "store=.*must be a folder, got 3"),
        ({"store": ""}, "store=.*must be a folder, got ''"),
    ),
)
def test_what_is_no_place_to_run_or_keep_is_refused(given, message):
    # Where annotations are checked, they speak first.
    with pytest.raises(TypeError, match=f"{message}|Type-check error"):
        am.sweep(SOFT, d=[4], n=[4], **given)


def test_loads_that_no_index_counts_are_refused():
    refused({"n": [2**31]}, ValueError, r"n=.*must be below 2\*\*31, got 2147483648")


def test_numbers_of_another_version_are_another_study():
    described = Spec(SOFT, d=[4], n=[2]).describe()
    assert described["assocmem_jax"] == am.__version__
