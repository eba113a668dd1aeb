"""Similarities: how alike a query and a key are."""

from ._cosine import Cosine as Cosine
from ._dot import Dot as Dot
from ._manhattan import Manhattan as Manhattan
from ._similarity import AbstractSimilarity as AbstractSimilarity
from ._squared_euclidean import SquaredEuclidean as SquaredEuclidean


__all__ = ["AbstractSimilarity", "Cosine", "Dot", "Manhattan", "SquaredEuclidean"]
