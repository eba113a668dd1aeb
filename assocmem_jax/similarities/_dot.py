"""The dot product as a similarity."""

from .._base.exact import unit_of
from ._similarity import AbstractSimilarity


class Dot(AbstractSimilarity):
    r"""The dot product of query and key, $q \cdot k$.

    Keys of larger norm are more alike to everything on their side. Where norms vary
    and say nothing, take another similarity or normalize the keys.
    """

    def unit(self, query):
        """A power of two near the largest entry of the query."""
        return unit_of(query)

    def in_unit(self, query, keys, dot):
        """Products with the query over its unit."""
        return dot(query / unit_of(query), keys.T)

    def scores(self, query, keys, dot):
        """Products with the query."""
        return dot(query, keys.T)
