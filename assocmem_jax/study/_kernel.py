"""The kernel of a study: what one rule retrieves at every load of one dimension."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec as P
from jaxtyping import Array, Float, Int, Key, UInt32

from .._base import random
from .._base.exact import unit_of
from .._core.linear import AbstractLinear
from .._core.rule import Static, joined
from .._core.separation import AbstractSeparation
from .._spec.corruption import corrupt
from ..metrics._answers import Answers, Reference
from ..metrics._expected import ExpectedAnswers
from ._answers import Batch, answers_at_all, asked, entry
from ._engines import Level, Scores, batch_by_batch, load_by_load
from ._inputs import AXIS, Settings, Shape, stored, study_fold
from ._questions import Questions, num_batches


# Number of the stream of random numbers that says where questions begin: not one of a
# corruption.
_BEGIN = 2**16


@functools.partial(jax.jit, static_argnames=("static", "shape", "mesh"))
def measure(
    settings: list[Array],
    words: UInt32[Array, "devices trials 3 2"],
    count: Int[Array, " devices"],
    *,
    static: Static,
    shape: Shape,
    mesh: Mesh,
) -> Float[Array, "devices trials levels loads scores 2"]:
    """Store the first n pairs, ask for each of them, and score the answers.

    Args:
        settings: the arrays of what is measured.
        words: the random keys of the trials of each device, as words: for keys, values
            and the corruption of queries.
        count: how many of these trials each device computes.
        static: what else there is to the settings.
        shape: what is known when compiling.
        mesh: the devices.

    Returns:
        Mean over the queries, and sum of squared deviations from it.
    """

    def local(settings, words, count):
        return _chunk(joined(settings, static), words[0], count[0], shape)[None]

    # Cells are independent: devices exchange nothing, and wait for nobody. Where they
    # share the pairs, each of them computes all cells.
    spread = P() if shape.shards > 1 else P(mesh.axis_names)
    return jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(P(), spread, spread),
        out_specs=spread,
        check_vma=False,
    )(settings, words, count)


def _chunk(settings: Settings, words, count, shape: Shape):
    """Mean and squares of the trials of a chunk, a batch at a time."""
    rngs = jax.random.wrap_key_data(words, impl="threefry2x32")

    def batch(i, out):
        start = i * shape.batch
        some = jax.lax.dynamic_slice_in_dim(rngs, start, shape.batch)
        if shape.batch == 1:
            # Without a batch, indices stay plain slices: half the program to compile.
            totals = _trial(settings, some[0], shape)[None]
        else:
            totals = jax.vmap(lambda rngs: _trial(settings, rngs, shape))(some)
        return jax.lax.dynamic_update_slice_in_dim(out, totals, start, axis=0)

    cells = shape.trials, len(settings.parts), len(settings.loads), len(shape.metrics)
    # Trials that nobody asks for stay so. Not nan, which `jax_debug_nans` looks for.
    nothing = jnp.zeros((*cells, 2), jnp.float32)
    if shape.trials == 1:
        return batch(0, nothing)
    return jax.lax.fori_loop(0, num_batches(count, shape.batch), batch, nothing)


def _trial(
    settings: Settings, rngs: Key[Array, "3"], shape: Shape
) -> Float[Array, "levels loads scores 2"]:
    """Mean and squares of one trial."""
    key_rng, value_rng, query_rng = rngs
    table, source, stops = stored(settings, key_rng, value_rng, shape)
    fold, size = study_fold(), shape.queries
    if shape.shards > 1:
        fold = fold.across(AXIS)
    rule, loads = settings.rule, settings.loads
    begin = None
    if settings.asked is not None:
        begin_rng = random.stream(query_rng, _BEGIN)
        begin = random.uniform(begin_rng, jnp.zeros(1, jnp.int32), 1)[0, 0]
    questions = Questions(size, settings.asked, settings.ages, settings.fresh, begin)
    levels = Level(settings.corruptions, settings.parts)
    expectation = settings.expectation
    weights = expectation is not None
    reference = None
    if any(metric.compares_all for metric in shape.metrics):
        largest = lambda block: jnp.max(jnp.abs(block.values))
        unit = unit_of(fold.up_to(stops[-1])(largest, jnp.maximum, table))
        reference = Reference(source.rows(0, 1).values[0], unit)

    def ask(level, i, load):
        index = questions.index(i, load, level.part)
        pairs = source.rows(i * size, size) if shape.all_asked else source.take(index)
        queries = pairs.keys
        if shape.corrupted:
            queries = corrupt(level.corruption, query_rng, index, queries)
        return Batch(pairs, index, queries)

    def score(batch, retrieved, j):
        answers: Any
        functions: Any
        metrics = shape.metrics
        if expectation is not None:
            answers = ExpectedAnswers(retrieved, expectation)
            functions = [metric.expected for metric in metrics]
        else:
            answers = Answers(
                batch.pairs.values,
                retrieved,
                table,
                reference,
                fold.up_to(entry(stops, j)),
                settings.success_cosine,
                shape.careful,
            )
            functions = [metric.score for metric in metrics]
        return jnp.stack([function(answers) for function in functions])

    empty = jnp.zeros((len(shape.metrics), 2, size), jnp.float32)
    scores = Scores(score, questions, empty)
    once = rule.looks == "once" and shape.all_asked
    if once and isinstance(rule, AbstractSeparation):
        at_all = lambda batch, lowest: answers_at_all(
            rule, table, fold, stops, batch, lowest, weights, shape.careful
        )
        return batch_by_batch(at_all, ask, scores, loads, levels)
    how = asked(rule, table, fold, stops, weights, shape.careful)
    together = shape.together and isinstance(rule, AbstractLinear)
    return load_by_load(how, ask, scores, loads, levels, together)
