"""Rule of the k largest scores."""

from typing import ClassVar

import equinox as eqx

from .._base.checks import as_int, check_count
from .._core.about import About
from .._core.selected import AbstractSelected


class TopK(AbstractSelected):
    r"""The dot product of the k largest scores, $\sum_{j \in T} (k_j \cdot q) v_j$.

    T are the pairs of the k largest scores; for k = n it is the dot product. Where
    scores are equal, the pair that was stored first counts as the larger one. No
    derivative is taken of the choice.

    Attributes:
        k: how many pairs are kept. Fewer stored pairs are all kept.

    Raises:
        TypeError: if `k` is not a whole number.
        ValueError: if `k` is below 1.

    References:
        Kohonen (1972), doi:10.1109/TC.1972.5008975 (the sum over all pairs).
        Gupta et al. (2021), arXiv:2106.06899 (attention to the k largest scores).
    """

    about: ClassVar[About] = About(
        formula="sum of (k_j . q) v_j over the k largest k_j . q",
        write="0",
        read="2 n d + 2 k v",
        state="n (d + v)",
        source="Gupta et al. (2021), arXiv:2106.06899",
    )
    k: int = eqx.field(static=True, converter=as_int)

    def __check_init__(self):
        check_count("TopK", "k", self.k, 1)

    @property
    def num_largest(self):
        """The number k."""
        return self.k

    def weigh(self, scores, mask):
        """The scores."""
        del mask
        return None, scores
