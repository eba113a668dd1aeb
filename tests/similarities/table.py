"""The similarities under test, their float64 definitions, and rules that use them."""

import dataclasses

import numpy as np
from helpers import RULES, Row, softmax

import assocmem_jax as am
from assocmem_jax.similarities import Cosine, Dot, Manhattan, SquaredEuclidean


def cosine(Q, K):
    directions = [
        x / np.maximum(np.linalg.norm(x, axis=1)[:, None], 1e-300) for x in (Q, K)
    ]
    return directions[0] @ directions[1].T


def differences(Q, K):
    return Q[:, None] - K[None]


SIMILARITIES = {
    "Cosine": (Cosine(), cosine),
    "Dot": (Dot(), lambda Q, K: Q @ K.T),
    "Manhattan": (Manhattan(), lambda Q, K: -np.abs(differences(Q, K)).sum(axis=2)),
    "SquaredEuclidean": (
        SquaredEuclidean(),
        lambda Q, K: -(differences(Q, K) ** 2).sum(axis=2),
    ),
}
NEW = [name for name in SIMILARITIES if name != "Dot"]
DISTANCES = ["Manhattan", "SquaredEuclidean"]
# Rules of the library that take a similarity.
SEPARATIONS = {
    name: row.rule
    for name, row in RULES.items()
    if isinstance(row.rule, am.AbstractSeparation)
}


def with_similarity(rule, name):
    return dataclasses.replace(rule, similarity=SIMILARITIES[name][0])


def rows():
    """Rules with each similarity, and their definitions."""
    weights = {"Softmax": lambda scores: softmax(0.7 * scores)}
    return {
        f"{rule} of {name}": Row(
            with_similarity(RULES[rule].rule, name),
            lambda K, V, Q, of=of, scores=SIMILARITIES[name][1]: of(scores(Q, K)) @ V,
        )
        for rule, of in weights.items()
        for name in NEW
    }
