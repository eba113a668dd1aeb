"""Rules that break a law each, and what `check_rule` says of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from faults import FAULTS, Cubic, FewDigits, LooksTwice, cubic

import assocmem_jax as am
from assocmem_jax.testing._laws import LAWS


names = [f"{law} of {type(rule).__name__}" for law, rule, _ in FAULTS]


@pytest.mark.parametrize(("law", "rule", "definition"), FAULTS, ids=names)
def test_a_fault_is_caught_in_a_sentence(law, rule, definition):
    with pytest.raises(AssertionError) as error:
        LAWS[law](rule, definition)
    said = str(error.value)
    assert said.startswith(f"`{law}`: {LAWS[law].says}, got ")
    assert said.endswith(f"; {LAWS[law].advice}.") and "\n" not in said


def test_there_is_a_fault_for_every_law():
    assert {law for law, _, _ in FAULTS} == set(LAWS)


# The laws that are quick to check, to see how they are put together.
SLOW = set(LAWS) - {"definition", "looks", "pytree", "write", "precision"}


def test_a_rule_without_a_fault_passes():
    assert am.testing.check_rule(Cubic(), cubic, breaks=SLOW) is None


def test_all_faults_are_told_at_once():
    class Both(LooksTwice, FewDigits):
        pass

    with pytest.raises(AssertionError, match="`Both` breaks 2 of 25 laws") as error:
        am.testing.check_rule(Both(), cubic, breaks=SLOW)
    _, *said = str(error.value).splitlines()
    assert [line.split(":")[0] for line in said] == ["- `precision`", "- `looks`"]


def test_a_law_that_is_truly_broken_can_be_declared():
    faults = {*SLOW, "looks"}
    assert am.testing.check_rule(LooksTwice(), cubic, breaks=faults) is None


class Layer(am.AbstractRule):
    """Layers of fixed sizes, a function, and an array for one dimension."""

    layer: eqx.nn.Linear
    shift: jax.Array
    activation: staticmethod = eqx.field(default=jax.nn.relu)

    def write(self, pairs, fold=am.Fold()):
        def product(block):
            keys = jax.vmap(lambda key: self.features(key, fold))(block.keys)
            keys = jnp.where(block.mask[:, None], keys, 0)
            return fold.dot(keys.T, block.values)

        return fold(product, jnp.add, pairs)

    def read(self, memory, query, fold=am.Fold()):
        return fold.dot(self.features(query, fold), memory)

    def features(self, key, fold):
        weight = self.layer.weight.astype(key.dtype)
        shift = self.shift.astype(key.dtype)
        return self.activation(fold.dot(weight, key + shift))


@pytest.mark.slow
@pytest.mark.parametrize("x64", (True, False))
def test_a_rule_with_modules_and_arrays_of_one_dimension(x64):
    with jax.enable_x64(x64), jax.numpy_dtype_promotion("standard"):
        layer = eqx.nn.Linear(3, 6, use_bias=False, key=jax.random.key(0))
        rule = Layer(layer, jnp.ones(3))
        am.testing.check_rule(rule, d=3, v=2)


@pytest.mark.parametrize(
    ("changed", "message"),
    (
        ({"rule": "softmax"}, r"`check_rule\(rule=...\)` must be a rule such as"),
        ({"d": 0}, r"`check_rule\(d=...\)` must be at least 1, got 0"),
        ({"v": 0}, r"`check_rule\(v=...\)` must be at least 1, got 0"),
        (
            {"breaks": ("ordr",)},
            r"`check_rule\(breaks=...\)` must be names of laws, got 'ordr'. Did you "
            "mean `order`",
        ),
        ({"breaks": "order"}, r"must be names of laws, got 'order'"),
    ),
)
def test_bad_input_is_named(changed, message):
    given = {"rule": am.ReLU(), **changed}
    with pytest.raises((TypeError, ValueError), match=f"{message}|Type-check error"):
        am.testing.check_rule(given.pop("rule"), **given)
