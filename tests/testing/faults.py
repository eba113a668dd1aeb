"""Rules that break a law each, and a rule that breaks none."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from helpers import RULES, softmax
from jax.experimental.layout import Layout, with_layout_constraint

import assocmem_jax as am


class Cubic(am.AbstractSeparation):
    """A rule that breaks no law."""

    def weigh(self, scores, mask):
        return None, scores**3


def cubic(K, V, Q):
    return (Q @ K.T) ** 3 @ V


class WrongPower(Cubic):
    def weigh(self, scores, mask):
        return None, jnp.abs(scores) ** 3


class WrongNormalizer(am.Softmax):
    def normalizer(self, scale):
        return scale[1] + 1


class StaleType(Cubic):
    """Computes in float32 what comes in float64."""

    def weigh(self, scores, mask):
        return None, (scores.astype(jnp.float32) ** 3).astype(scores.dtype)


class SumsInHalf(am.AbstractLinear):
    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values).astype(jnp.bfloat16)


class NeverRescales(am.Softmax):
    def join(self, a, b):
        scale, _, _ = super().join(a, b)
        return scale, None, None


class JoinsTheWrongWayRound(am.Softmax):
    def join(self, a, b):
        scale, *factors = super().join(a, b)
        return scale, *factors[::-1]


class MergesInTheWrongOrder(am.AbstractLinear):
    """Forgets by half with each block, the later one in place of the earlier."""

    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values)

    def merge(self, a, b):
        return a + 0.5 * b


class PrefersTheFirst(am.AbstractRule):
    """Weighs a pair by how many were stored before."""

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        def weigh(block):
            position = jnp.cumsum(block.mask, dtype=jnp.int32).astype(query.dtype)
            scores = jnp.where(block.mask, fold.dot(query, block.keys.T), 0)
            return fold.dot(scores / jnp.maximum(position, 1), block.values)

        return fold.with_block_size(None)(weigh, jnp.add, memory)


class DropsTheMask(am.AbstractSeparation):
    """The mean of all rows, stored or not."""

    def weigh(self, scores, mask):
        return jnp.asarray(len(scores), scores.dtype), jnp.ones_like(scores)

    def join(self, a, b):
        return a + b, None, None

    def normalizer(self, scale):
        return scale


class DividesByNothing(am.AbstractLinear):
    """The mean of $k_i v_i^T$."""

    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values)

    def solve(self, summary, pairs, fold):
        return summary / fold.count(pairs).astype(summary.dtype)


class OffByOne(am.AbstractRule):
    def write(self, pairs, fold=am.Fold()):
        if fold.stop is not None:
            fold = fold.up_to(fold.stop + 1)
        return am.DotProduct().write(pairs, fold)

    def read(self, memory, query, fold=am.Fold()):
        return fold.dot(query, memory)


class IgnoresTheStop(am.AbstractRule):
    def write(self, pairs, fold=am.Fold()):
        return pairs.present()

    def read(self, memory, query, fold=am.Fold()):
        return fold.dot(fold.dot(query, memory.keys.T), memory.values)


class CountsItsOwnShard(am.AbstractLinear):
    """Divides by the number of pairs on one device."""

    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values)

    def solve(self, summary, pairs, fold):
        stored = pairs if fold.stop is None else pairs.between(0, fold.stop)
        return summary / jnp.sum(stored.mask, dtype=summary.dtype)


class StopsAtTheShard(am.DotProduct):
    """No derivative by pairs of a sharded fold."""

    def read(self, memory, query, fold=am.Fold()):
        if fold.axis_name is not None:
            memory = jax.lax.stop_gradient(memory)
        return super().read(memory, query, fold)


class OnTheFirstDevice(am.DotProduct):
    """Holds a number that is bound to a device."""

    scale: jax.Array = eqx.field(
        default_factory=lambda: jax.device_put(np.float64(2), jax.devices()[0])
    )

    def read(self, memory, query, fold=am.Fold()):
        return self.scale.astype(query.dtype) * super().read(memory, query, fold)


class DividesFirst(am.AbstractLinear):
    """Directions of the keys; zero where there is none, but only afterwards."""

    def summarize(self, block, fold):
        norm = jnp.linalg.norm(block.keys, axis=1, keepdims=True)
        keys = jnp.where(norm > 0, block.keys / norm, 0)
        return fold.dot(keys.T, block.values)


class RepeatsItself(am.DotProduct):
    """The number of steps decides what is compiled, and is not declared as static."""

    steps: int = 2

    def read(self, memory, query, fold=am.Fold()):
        for _ in range(self.steps):
            answer = super().read(memory, query, fold)
        return answer


@jax.custom_batching.custom_vmap
def sign(x):
    return jnp.sign(x)


@sign.def_vmap
def _(size, batched, x):
    return jnp.sign(x)[::-1], True


class OtherInABatch(am.AbstractLinear):
    """Answers by signs, of another element of the batch."""

    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values)

    def solve(self, summary, pairs, fold):
        return sign(summary)


class Overflows(am.AbstractSeparation):
    """A softmax of scores as they are."""

    def weigh(self, scores, mask):
        weights = jnp.exp(scores)
        return jnp.sum(jnp.where(mask, weights, 0)), weights

    def join(self, a, b):
        return a + b, None, None

    def normalizer(self, scale):
        return scale


class SquaresScores(am.AbstractSeparation):
    """The root of the squares of scores: right, where squares are in range."""

    def weigh(self, scores, mask):
        return None, jnp.sign(scores) * jnp.exp(jnp.log(scores**2) / 2)


class ReadsANumber(am.Softmax):
    def weigh(self, scores, mask):
        return super().weigh(scores * float(self.beta), mask)


class NoGradient(am.DotProduct):
    def read(self, memory, query, fold=am.Fold()):
        return super().read(memory, jax.lax.stop_gradient(query), fold)


class NoTangentAtAStop(am.DotProduct):
    def read(self, memory, query, fold=am.Fold()):
        if fold.stop is not None:
            memory = jax.lax.stop_gradient(memory)
        return super().read(memory, query, fold)


class CountsAllPairs(am.AbstractLinear):
    """Divides by the number of rows, where it is asked for a prefix."""

    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values)

    def solve(self, summary, pairs, fold):
        return summary / jnp.asarray(pairs.num_rows, summary.dtype)


class WrongLeft(am.DotProduct):
    def left(self, gram, pairs, fold):
        return am.LeftFactor(2 * jnp.eye(len(gram), dtype=gram.dtype), gram)


class HoldsAllScores(am.AbstractRule):
    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        answer = lambda block: fold.dot(fold.dot(query, block.keys.T), block.values)
        return fold.with_block_size(None)(answer, jnp.add, memory)


class PairsByPairs(am.AbstractRule):
    def write(self, pairs, fold=am.Fold()):
        pairs = pairs.present()
        return fold.dot(pairs.keys, pairs.keys.T), pairs

    def read(self, memory, query, fold=am.Fold()):
        gram, pairs = memory
        return fold.dot(fold.dot(fold.dot(query, pairs.keys.T), gram), pairs.values)


class FewDigits(Cubic):
    def scores(self, query, block, fold):
        return block.keys @ query


class OnACpuAlone(am.AbstractLinear):
    def summarize(self, block, fold):
        return fold.dot(block.keys.T, block.values)

    def solve(self, summary, pairs, fold):
        square = fold.dot(summary, summary.T)
        _, vectors = jax.lax.linalg.schur(square)
        return fold.dot(vectors, fold.dot(vectors.T, summary))


class ByColumns(am.DotProduct):
    """A layout is not exported."""

    def read(self, memory, query, fold=am.Fold()):
        return super().read(with_layout_constraint(memory, Layout((0, 1))), query, fold)


class LoopsOverPairs(am.AbstractRule):
    looks: ClassVar = "memory"

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        answer = lambda block: fold.dot(fold.dot(query, block.keys.T), block.values)
        return fold(answer, jnp.add, memory)


class LooksTwice(Cubic):
    """Takes the largest score first, and declares to look once."""

    def prepare(self, query, table, fold):
        fold(lambda block: jnp.max(self.scores(query, block, fold)), jnp.maximum, table)
        return self


class HoldsASet(am.DotProduct):
    """A set is no array, and cannot be hashed."""

    layers: set = eqx.field(default_factory=lambda: {1, 2})


# One fault for each law at least, and the definition that the rule is meant to have.
mean_product = lambda K, V, Q: Q @ K.T @ V / len(K)
dot_product = RULES["DotProduct"].definition
warm = lambda K, V, Q: softmax(Q @ K.T) @ V
FAULTS = (
    ("definition", WrongPower(), cubic),
    ("definition", WrongNormalizer(), warm),
    ("definition", StaleType(), cubic),
    ("half", SumsInHalf(), dot_product),
    ("blocks", NeverRescales(), warm),
    ("blocks", JoinsTheWrongWayRound(), None),
    ("blocks", MergesInTheWrongOrder(), None),
    ("order", PrefersTheFirst(), None),
    ("masks", DropsTheMask(), lambda K, V, Q: V.mean(0) + 0 * Q[:, :1]),
    ("nothing", DividesByNothing(), mean_product),
    ("stops", OffByOne(), dot_product),
    ("stops", IgnoresTheStop(), dot_product),
    ("shards", CountsItsOwnShard(), mean_product),
    ("adjoints", StopsAtTheShard(), dot_product),
    ("meshes", OnTheFirstDevice(), None),
    ("nans", DividesFirst(), None),
    ("vmap", OtherInABatch(), lambda K, V, Q: Q @ np.sign(K.T @ V)),
    ("scales", Overflows(), lambda K, V, Q: softmax(Q @ K.T) @ V),
    ("scales", SquaresScores(), lambda K, V, Q: Q @ K.T @ V),
    ("values", ReadsANumber(), None),
    ("gradients", NoGradient(), dot_product),
    ("tangents", NoTangentAtAStop(), dot_product),
    ("prefixes", CountsAllPairs(), mean_product),
    ("prefixes", NeverRescales(), warm),
    ("weights", WrongLeft(), dot_product),
    ("scores", HoldsAllScores(), dot_product),
    ("write", PairsByPairs(), None),
    ("precision", FewDigits(), cubic),
    ("platforms", OnACpuAlone(), None),
    ("platforms", ByColumns(), dot_product),
    ("looks", LoopsOverPairs(), dot_product),
    ("looks", LooksTwice(), cubic),
    ("pytree", HoldsASet(), dot_product),
    ("leaves", RepeatsItself(), dot_product),
)
