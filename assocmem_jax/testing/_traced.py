"""Laws of programs: what they hold, do, and are compiled for."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.export import export

from .._core.fold import Fold
from .._core.pairs import Pairs
from .._core.retrieve import retrieve
from .._core.rule import joined, split, with_arrays
from .._core.separation import AbstractSeparation
from ._case import Case, must, must_be_close
from ._compiled import read_all
from ._law import law
from ._programs import equations, largest_intermediate


@law(
    "scores",
    "the scores of all pairs and queries never exist at once, in gradients neither",
    "see pairs through `fold`, block by block, and answer one query in `read`",
)
def scores(case: Case) -> None:
    """With sizes given, and with those that are chosen; where asked, they exist."""
    m = max(256, 64 * (case.d + case.v))
    n = 2 * m
    arrays = case.arrays(n, m)
    given = {"fold": Fold(16), "query_batch": m // 8}
    # A gradient keeps the scores of one batch of queries.
    _, batch = Fold().plan(n, m)
    kept = max(n * m // 2, batch * n)
    for options, most, of_gradient in (
        (given, n * m // 16, n * m // 7),
        ({}, n * m // 3, kept),
    ):
        sizes = "sizes given" if options else "default sizes"
        fn = lambda *arrays: retrieve(case.rule, *arrays, **options)  # noqa: B023
        largest = largest_intermediate(fn, *arrays)
        must(largest < most, f"{largest} numbers of {n} x {m}, {sizes}")
        loss = lambda *arrays: jnp.sum(fn(*arrays) ** 2)  # noqa: B023
        largest = largest_intermediate(jax.grad(loss, (0, 1, 2)), *arrays)
        where = f"{n} x {m} in a gradient, {sizes}"
        must(largest < of_gradient, f"{largest} numbers of {where}")
    whole = lambda *arrays: retrieve(case.rule, *arrays, fold=Fold(None))
    largest = largest_intermediate(whole, *arrays)
    if case.rule.looks == "memory":
        must(largest < n * m, f"{largest} numbers of {n} x {m} from a memory")
    elif isinstance(case.rule, AbstractSeparation):
        must(largest >= n * m, f"{largest} numbers of {n} x {m} with `Fold(None)`")


@law(
    "write",
    "no matrix of pairs by pairs is held when pairs are stored",
    "sum pairs up by `fold`, block by block",
)
def write(case: Case) -> None:
    """For more pairs than rows of a block."""
    n = max(1024, 16 * (case.d + case.v))
    keys, values, _ = case.arrays(n)
    store = lambda keys, values: case.rule.write(Pairs(keys, values))
    largest = largest_intermediate(store, keys, values)
    must(largest < n * n // 4, f"{largest} numbers for {n} pairs")


@law(
    "precision",
    "products are of full precision",
    "multiply by `fold.dot`, which hands on `Fold(precision=...)`",
)
def precision(case: Case) -> None:
    """Where nothing is said, and in gradients."""
    arrays = case.arrays(case.numbers[2], dtype=np.float32)
    fn = lambda *arrays: retrieve(case.rule, *arrays).sum()
    highest = (jax.lax.Precision.HIGHEST,) * 2
    for traced in (fn, jax.grad(fn, (0, 1, 2))):
        for eqn in equations(traced, *arrays):
            if eqn.primitive.name == "dot_general":
                got = eqn.params["precision"]
                must(got == highest, f"a product of precision {got}")


@law(
    "platforms",
    "programs are exported for CPU, GPU and TPU",
    "use operations of `jax.numpy` and `jax.lax`",
)
def platforms(case: Case) -> None:
    """Below d pairs and beyond."""
    for n in (case.numbers[0], case.numbers[2]):
        arrays = case.arrays(n, dtype=np.float32)
        fn = jax.jit(lambda *arrays: retrieve(case.rule, *arrays))
        exported = export(fn, platforms=("cpu", "cuda", "tpu"))(*arrays)
        must(exported.mlir_module(), "an empty program")


class _Counted(Fold):
    """A fold that notes each time it runs over a table."""

    runs: ClassVar[list[int]] = []

    def __call__(self, summarize, merge, *tables):
        self.runs.append(1)
        return super().__call__(summarize, merge, *tables)

    def prefixes(self, summarize, merge, *tables, stops, first=0):
        self.runs.append(1)
        return super().prefixes(summarize, merge, *tables, stops=stops, first=first)

    def accumulate(self, summarize, absorb, start, table):
        self.runs.append(1)
        return super().accumulate(summarize, absorb, start, table)


@law(
    "looks",
    "the rule looks at its pairs as it declares",
    'declare `looks = "again"`, which is right for any rule',
)
def looks(case: Case) -> None:
    """A memory of one size for any number of pairs; one fold for each query."""

    def memory(n):
        keys, values, _ = case.arrays(n)
        store = lambda keys, values: case.rule.write(Pairs(keys, values))
        return jax.eval_shape(store, keys, values)

    declared, query = case.rule.looks, case.arrays(1)[2][0]
    stored = [memory(n) for n in case.numbers]
    runs: list[int] = []
    _Counted.runs = runs
    read = lambda memory, query: case.rule.read(memory, query, _Counted(4))
    jax.eval_shape(read, stored[-1], query)
    if declared == "memory":
        shapes = [[x.shape for x in jax.tree.leaves(x)] for x in stored]
        grown = next((x for x in shapes if x != shapes[0]), None)
        pairs = f"{case.numbers[0]} pairs"
        must(
            grown is None, f'"memory", and arrays of {grown} and {shapes[0]} of {pairs}'
        )
        must(not runs, f'"memory", and {len(runs)} folds in `read`')
    if declared == "once":
        must(len(runs) == 1, f'"once", and {len(runs)} folds in `read`')


@law(
    "leaves",
    "numbers that a rule holds may be arrays, and what is no array may be anything",
    "declare a number that decides what is compiled by `eqx.field(static=True)`",
)
def leaves(case: Case) -> None:
    """As the rule is, step by step, and in a program."""
    arrays = case.arrays(case.numbers[0], m=2)
    keys, values, queries = map(jnp.asarray, arrays)
    alone = read_all(case.rule, Pairs(keys, values), queries, Fold(4))
    traced = retrieve(with_arrays(case.rule), *arrays, fold=Fold(4))
    must_be_close(traced, alone, "in a program")


@law(
    "pytree",
    "a rule is a pytree without surprises",
    "keep arrays in fields, and what is no array in static ones that can be hashed",
)
def pytree(case: Case) -> None:
    """Taken apart and put together."""
    leaves, tree = jax.tree.flatten(case.rule)
    must(
        eqx.tree_equal(jax.tree.unflatten(tree, leaves), case.rule),
        "another rule from its own leaves",
    )
    must(hash(tree) == hash(jax.tree.structure(case.rule)), "two hashes of one tree")
    arrays, static = split("check_rule", "rule", case.rule)
    hash(static)
    must(eqx.tree_equal(joined(arrays, static), case.rule), "another rule once split")
