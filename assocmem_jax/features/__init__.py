"""Feature maps of keys and queries: linear memories of what their scores are not."""

from ._dpfp import DPFP as DPFP
from ._elu import ELU as ELU
from ._features import AbstractFeatures as AbstractFeatures
from ._monomials import Monomials as Monomials
from ._positive_random import PositiveRandom as PositiveRandom
from ._random_fourier import RandomFourier as RandomFourier
from ._rectified import Rectified as Rectified
from ._taylor import Taylor as Taylor


__all__ = [
    "DPFP",
    "ELU",
    "AbstractFeatures",
    "Monomials",
    "PositiveRandom",
    "RandomFourier",
    "Rectified",
    "Taylor",
]
