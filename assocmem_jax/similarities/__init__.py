"""Similarities: how alike a query and a key are."""

from ._dot import Dot as Dot
from ._similarity import AbstractSimilarity as AbstractSimilarity
from ._squared_euclidean import SquaredEuclidean as SquaredEuclidean


__all__ = ["AbstractSimilarity", "Dot", "SquaredEuclidean"]
