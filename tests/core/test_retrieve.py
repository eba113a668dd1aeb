"""What `retrieve`, `Pairs` and `Fold` take, and what they refuse."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import FEW, RULES, assert_close, every_rule, make_pairs

import assocmem_jax as am


KEYS, VALUES, QUERIES = np.eye(3)[:2], np.ones((2, 4)), np.ones((5, 3))


def call(**changed):
    arguments = {"keys": KEYS, "values": VALUES, "queries": QUERIES, **changed}
    rule = arguments.pop("rule", am.DotProduct())
    return am.retrieve(rule, **arguments)


@pytest.mark.parametrize(
    "changed, message",
    (
        (
            {"values": np.ones((3, 4))},
            "one value per key, got 2 keys and 3 values. Pass arrays with one row",
        ),
        (
            {"queries": np.ones((5, 2))},
            "keys of dimension 3 and queries of dimension 2. Pass one query per",
        ),
        (
            {"keys": np.ones(3)},
            r"keys=.*two axes, one row per item, got shape \(3,\). Pass .x",
        ),
        ({"values": np.ones((1, 2, 4))}, r"values=.*two axes.*got shape \(1, 2, 4\)"),
        ({"queries": np.ones(3)}, r"queries=.*two axes.*got shape \(3,\)"),
        (
            {"keys": np.ones((0, 3))},
            r"keys=.*must not be empty, got shape \(0, 3\). Pass at",
        ),
        ({"keys": np.ones((2, 0))}, r"keys=.*must not be empty, got shape \(2, 0\)"),
        ({"values": np.ones((2, 0))}, r"values=.*must not be empty"),
        ({"queries": np.ones((0, 3))}, r"queries=.*must not be empty"),
        ({"keys": [[1.0, 2.0, 3.0], [4.0]]}, "keys=.*must be a full array"),
        (
            {"keys": [[1, 0, np.nan], [0, 1, 0]]},
            r"keys=.*finite, got nan at \[0, 2\]. Repair",
        ),
        ({"values": np.full((2, 4), np.inf)}, r"values=.*finite, got inf at \[0, 0\]"),
        ({"queries": jnp.full((1, 3), -jnp.inf)}, r"queries=.*finite, got -inf at"),
        (
            {"mask": [True]},
            r"mask=.*one entry per key, got shape \(1,\) and 2 keys. Pass one",
        ),
        ({"query_batch": 0}, "query_batch=.*at least 1, got 0. Pass a positive"),
    ),
)
def test_wrong_values_are_named(changed, message):
    with pytest.raises(ValueError, match=message) as error:
        call(**changed)
    assert str(error.value).startswith("`retrieve(")


@pytest.mark.parametrize(
    "changed, message",
    (
        (
            {"keys": np.ones((2, 3)) * 1j},
            "keys=.*real numbers, got.*complex128. Convert",
        ),
        ({"keys": jnp.ones((2, 3), complex)}, "keys=.*real numbers, got.*complex128"),
        ({"values": np.array([["a"], ["b"]])}, "values=.*real numbers, got.*<U1"),
        ({"mask": [1, 0]}, "mask=.*booleans.*got an array of int64"),
    ),
)
def test_wrong_types_are_named(changed, message):
    with pytest.raises(TypeError, match=message):
        call(**changed)


@pytest.mark.parametrize(
    "changed, message",
    (
        ({"rule": "softmax"}, "rule=.*must be a rule such as.*got 'softmax'"),
        ({"rule": am.Softmax}, "rule=.*must be a rule such as"),
        ({"fold": 16}, "fold=.*must be a `Fold`, got 16"),
        ({"query_batch": 2.5}, "query_batch=.*whole number, got 2.5"),
    ),
)
def test_wrong_kinds_are_named(changed, message):
    # Where annotations are checked, they speak first.
    with pytest.raises(TypeError, match=f"{message}|Type-check error"):
        call(**changed)


def test_mistakes_raise_before_anything_compiles(monkeypatch):
    def compiled(*_):
        raise AssertionError("compiled")

    monkeypatch.setattr("assocmem_jax._core.retrieve._retrieve", compiled)
    with pytest.raises(ValueError, match="one value per key"):
        call(values=np.ones((3, 4)))
    with pytest.raises(AssertionError, match="compiled"):
        call()


@pytest.mark.parametrize("size", (0, -3))
def test_block_sizes_below_one_are_refused(size):
    with pytest.raises(ValueError, match=rf"Fold\(block_size=.*least 1, got {size}"):
        am.Fold(size)


@pytest.mark.parametrize(
    ("stop", "error", "message"),
    (
        (2.9, TypeError, "must be a whole number, got 2.9"),
        (True, TypeError, "must be a whole number, got True"),
        (np.float64(3), TypeError, "must be a whole number, got"),
        (jnp.float32(3), TypeError, "must be a whole number, got"),
        ("3", TypeError, "must be a whole number, got '3'"),
        (-1, ValueError, "must be a number of pairs, got -1. Zero stores none"),
    ),
)
def test_a_stop_is_a_number_of_pairs(stop, error, message):
    with pytest.raises(error, match=rf"`Fold\(stop=...\)` {message}|Type-check"):
        am.Fold(stop=stop)


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("block_size", (1, None))
def test_a_stop_beyond_the_last_pair_takes_no_time(name, block_size, rng):
    """Blocks that there are not were passed one by one, for ever."""
    keys, values, queries = make_pairs(rng)
    expected = RULES[name].definition(keys, values, queries)
    fold = am.Fold(block_size, stop=2**40)
    assert_close(am.retrieve(FEW[name], keys, values, queries, fold=fold), expected)
    if name == "DotProduct":
        stops = jnp.array([2, 2**31 - 1], jnp.int32)
        of_block = lambda block: fold.dot(block.keys.T, block.values)
        out = fold.prefixes(of_block, jnp.add, am.Pairs(keys, values), stops=stops)
        assert_close(out[1], keys.T @ values)
    tall = am.retrieve(am.Pseudoinverse(), keys, values, queries, fold=fold)
    assert_close(tall, RULES["Pseudoinverse"].definition(keys, values, queries))


@pytest.mark.parametrize(
    "use",
    (
        lambda number: range(number),
        lambda number: [0.0] * number,
        lambda number: 1 if number > 1 else 2,
        lambda number: jnp.zeros(number),
        lambda number: int(number),
    ),
)
def test_a_number_that_decides_is_to_be_static(use, rng):
    """equinox#1127, equinox#149: advice in place of a message about tracers."""

    class Deciding(am.DotProduct):
        number: int = 2

        def read(self, memory, query, fold=am.Fold()):
            use(self.number)
            return super().read(memory, query, fold)

    message = (
        r"`retrieve\(rule=...\)` must be a rule that runs, got `Deciding`, which fails "
        r"with .*Error: .+\. While a program is traced, `number` is an array: declare a"
    )
    with pytest.raises(TypeError, match=message):
        am.retrieve(Deciding(), *make_pairs(rng))


def test_other_errors_of_a_rule_are_its_own(rng):
    class Broken(am.DotProduct):
        number: int = 2

        def read(self, memory, query, fold=am.Fold()):
            raise AttributeError("of its own")

    with pytest.raises(AttributeError, match="^of its own"):
        am.retrieve(Broken(), *make_pairs(rng))


@pytest.mark.parametrize("precision", ("high", "float32", "F32_F32_F32"))
def test_precisions_of_matmul_are_taken(precision):
    out = am.Fold(precision=precision).dot(jnp.eye(2), jnp.ones(2))
    np.testing.assert_array_equal(out, [1, 1])


def test_a_block_size_of_numpy_is_a_whole_number():
    assert type(am.Fold(np.int64(4)).block_size) is int
    with pytest.raises(TypeError, match="whole number, got 'all'|Type-check"):
        am.Fold("all")


@pytest.mark.parametrize(
    "make, message",
    (
        (lambda: am.Softmax(beta=-0.5), r"Softmax\(beta=.*0 to below inf, got -0.5"),
        (lambda: am.Softmax(beta=np.nan), r"Softmax\(beta=.*got nan. Zero answers"),
        (lambda: am.Softmax(beta=np.inf), r"Softmax\(beta=.*got inf"),
        (lambda: am.Pseudoinverse(rtol=-1), r"Pseudoinverse\(rtol=.*got -1"),
        (lambda: am.Pseudoinverse(rtol=1), r"rtol=.*0 to below 1, got 1.0. Leave it"),
        (lambda: am.Fold(precision="bad"), r"Fold\(precision=.*got 'bad'. Use"),
        (lambda: am.Fold(stop=jnp.arange(2)), r"stop=.*one number|Type-check"),
    ),
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_vector_of_betas_is_pointed_to_vmap():
    with pytest.raises((ValueError, TypeError), match=r"one number, got shape \(2,\)"):
        am.Softmax(beta=jnp.array([1.0, 2.0]))


def test_hyperparameters_map_and_are_unchecked_while_traced(rng):
    betas = jnp.array([0.0, 0.5, 2.0])
    arrays = make_pairs(rng)
    outs = jax.vmap(lambda beta: am.retrieve(am.Softmax(beta), *arrays))(betas)
    rules = jax.vmap(am.Softmax)(betas)
    np.testing.assert_array_equal(
        outs, jax.vmap(lambda rule: am.retrieve(rule, *arrays))(rules)
    )
    for beta, out in zip(betas, outs, strict=True):
        assert_close(out, am.retrieve(am.Softmax(beta), *arrays))


def test_beta_zero_answers_the_mean(rng):
    keys, values, queries = make_pairs(rng)
    out = am.retrieve(am.Softmax(beta=0), keys, values, queries)
    assert_close(out, np.tile(values.mean(axis=0), (len(queries), 1)))


def test_lists_integers_and_numpy_arrays_are_accepted():
    keys, values = [[1, 0], [0, 2], [1, 1]], [[1], [2], [3]]
    K, V, Q = (np.array(x, np.float64) for x in (keys, values, [[1, 2]]))
    for row in RULES.values():
        mask = [True, True, False]
        out = am.retrieve(row.rule, keys, values, [[1, 2]], mask=mask)
        assert out.dtype == jnp.float64
        assert_close(out, row.definition(K[:2], V[:2], Q))


def test_arrays_of_several_types_give_the_widest(rng):
    keys, values, queries = make_pairs(rng)
    out = am.retrieve(am.DotProduct(), keys.astype(np.float32), values, queries > 0)
    assert out.dtype == jnp.float64


def test_float64_without_x64_says_what_happens(rng):
    arrays = make_pairs(rng)
    with jax.enable_x64(False), pytest.warns(UserWarning) as caught:
        out = am.retrieve(am.DotProduct(), *arrays)
    assert out.dtype == jnp.float32
    messages = [str(warning.message) for warning in caught]
    assert all("computed in float32" in message for message in messages)
    assert [message.split("=")[0] for message in messages] == [
        f"`retrieve({name}" for name in ("keys", "values", "queries")
    ]


def test_float32_lists_and_integers_are_silent_without_x64():
    with jax.enable_x64(False):
        out = call(
            keys=[[1, 0, 0], [0, 1, 0]], values=[[0.5], [1.0]], queries=[[1, 1, 1]]
        )
    assert out.dtype == jnp.float32


def test_the_check_of_numbers_can_be_switched_off():
    values = np.array([[np.nan], [1.0]])
    out = call(values=values, queries=[[0.0, 1.0, 0.0]], check_finite=False)
    assert np.isnan(out).all()


def test_numbers_under_a_mask_and_traced_numbers_are_not_checked():
    values = np.array([[np.nan], [1.0]])
    assert np.all(call(values=values, mask=[False, True]) == 1)
    traced = jax.jit(lambda values: call(values=values))(values)
    assert np.isnan(traced).any()
    # Known keys inside a traced function are checked.
    with pytest.raises(ValueError, match="keys=.*finite"):
        jax.jit(lambda values: call(keys=KEYS * np.nan, values=values))(values)


@pytest.mark.parametrize("block_size", (1, 100, None))
def test_one_of_everything(block_size):
    one = np.full((1, 1), 1.5)
    for row in RULES.values():
        out = am.retrieve(row.rule, one, one, one, fold=am.Fold(block_size))
        assert_close(out, row.definition(one, one, one))


def test_memory_is_written_once_and_read_often(rng):
    keys, values, queries = make_pairs(rng)
    for name in RULES:
        rule = RULES[name].rule
        memory = rule.write(am.Pairs(keys, values))
        read = jax.jit(lambda *args: rule.read(*args))  # noqa: B023
        answers = [read(memory, query) for query in jnp.asarray(queries)]
        assert_close(jnp.stack(answers), RULES[name].definition(keys, values, queries))


def test_import_stays_light():
    modules = {"torch", "xarray", "pandas", "matplotlib"}
    code = f"import sys, assocmem_jax; assert not {modules} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@every_rule
def test_memory_stays_bounded(name):
    """262144 pairs of d = 64 and 4096 queries need less than 1 GiB beyond the data."""
    n, d, m = 262_144, 64, 4096
    shapes = (((n, d), "f4"), ((n, d), "f4"), ((m, d), "f4"))
    arrays = [jax.ShapeDtypeStruct(*shape) for shape in shapes]
    fn = lambda *arrays: am.retrieve(RULES[name].rule, *arrays)
    plan = jax.jit(fn).lower(*arrays).compile().memory_analysis()
    assert plan is not None
    assert plan.temp_size_in_bytes + plan.output_size_in_bytes < 2**30
