"""Similarities: how alike a query and a key are."""

from ._dot import Dot as Dot
from ._similarity import AbstractSimilarity as AbstractSimilarity


__all__ = ["AbstractSimilarity", "Dot"]
