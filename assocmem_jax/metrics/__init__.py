"""Measures of retrieved values: one number per query."""

from ._functions import (
    bit_accuracy as bit_accuracy,
    cosine_similarity as cosine_similarity,
    euclidean_distance as euclidean_distance,
    is_nearest as is_nearest,
    recall_at_1 as recall_at_1,
)
from ._own import OwnMetric as OwnMetric


__all__ = [
    "OwnMetric",
    "bit_accuracy",
    "cosine_similarity",
    "euclidean_distance",
    "is_nearest",
    "recall_at_1",
]
