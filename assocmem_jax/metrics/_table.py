"""The rows of all metrics: everything that is known of each, in one place.

To add a metric, write its function and one row. Studies, capacities, intervals,
figures, predictions and the command line take it from here.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._base.exact import widened
from .._base.registry import Registry
from . import _functions as functions
from ._answers import Answers
from ._expected import ExpectedAnswers


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        long_name: what it is, as the dataset of a study says it.
        label: what the axis of a figure says of its mean.
        score: one number per answer.
        expected: its expectation over values that are not drawn, one number per answer;
            `None` where no expectation is known.
        follows: the metric whose mean over the queries of a trial decides it: 1 where
            that mean is 1, else 0. Such a metric has no score of its own.
        larger_is_better: which side passes a threshold.
        lowest: the lower end of its range.
        highest: the upper end of its range.
        reaches_highest: whether a whole trial can be at the upper end.
        share: whether it is a share of the queries of a trial.
        compares_all: whether its score compares an answer with all stored values, for
            estimates of work and memory.
        floor: what rounding in float32 leaves of it at zero, about; `None` where
            figures need no logarithmic axis.
    """

    long_name: str
    label: str
    score: Callable[[Answers], Float[Array, " m"]] | None
    expected: Callable[[ExpectedAnswers], Float[Array, " m"]] | None = None
    follows: str | None = None
    larger_is_better: bool = True
    lowest: float = 0.0
    highest: float = 1.0
    reaches_highest: bool = True
    share: bool = False
    compares_all: bool = False
    floor: float | None = None

    @property
    def sign(self) -> int:
        """1 where larger is better, else -1."""
        return 1 if self.larger_is_better else -1


def _cosine(answers: Answers) -> Float[Array, " m"]:
    return answers.score(functions.cosine)


def _distance(answers: Answers) -> Float[Array, " m"]:
    return answers.score(functions.distance)


def _success(answers: Answers) -> Float[Array, " m"]:
    cosine = _cosine(answers)
    above = (cosine > answers.success_cosine).astype(cosine.dtype)
    return above if answers.careful else jnp.where(jnp.isnan(cosine), cosine, above)


def _recall(answers: Answers) -> Float[Array, " m"]:
    assert answers.reference is not None
    center, unit = answers.reference
    hit = lambda value, answer: functions.is_nearest(
        value, answer, center, unit, answers.pairs, answers.fold
    )
    return jax.vmap(hit)(answers.values, answers.retrieved)


def _bit_accuracy(answers: Answers) -> Float[Array, " m"]:
    return functions.share_of_signs(*widened((answers.values, answers.retrieved)))


METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "cosine": Metric(
            long_name="cosine similarity of right and retrieved value",
            label="mean cosine similarity",
            score=_cosine,
            expected=lambda answers: answers.cosine,
            lowest=-1.0,
            reaches_highest=False,
        ),
        "distance": Metric(
            long_name="Euclidean distance of right and retrieved value",
            label="mean Euclidean distance",
            score=_distance,
            expected=lambda answers: answers.distance,
            larger_is_better=False,
            highest=np.inf,
            reaches_highest=False,
            floor=1e-7,
        ),
        "squared_error": Metric(
            long_name="squared distance of right and retrieved value",
            label="mean squared error",
            score=lambda answers: _distance(answers) ** 2,
            expected=lambda answers: answers.squared_error,
            larger_is_better=False,
            highest=np.inf,
            reaches_highest=False,
            floor=1e-14,
        ),
        "bit_accuracy": Metric(
            long_name="fraction of coordinates retrieved with the right sign",
            label="fraction of signs that are right",
            score=_bit_accuracy,
            expected=lambda answers: answers.bit_accuracy,
        ),
        "success": Metric(
            long_name="fraction of queries answered with a cosine above success_cosine",
            label="fraction of queries above threshold",
            score=_success,
            share=True,
        ),
        "recall": Metric(
            long_name="fraction of queries whose nearest stored value is the right one",
            label="fraction of queries recalled",
            score=_recall,
            share=True,
            compares_all=True,
        ),
        "all_correct": Metric(
            long_name=(
                "1 where the nearest stored value is always the right one, else 0"
            ),
            label="fraction of trials without an error",
            score=None,
            follows="recall",
        ),
    },
)
