"""Ensembles: how keys and values are drawn."""

from ._autoregressive import Autoregressive as Autoregressive
from ._clustered import Clustered as Clustered
from ._ensemble import AbstractEnsemble as AbstractEnsemble
from ._independent import (
    Bipolar as Bipolar,
    Gaussian as Gaussian,
    Spherical as Spherical,
)
from ._normalized import Normalized as Normalized
from ._one_hot import OneHot as OneHot
from ._samples import Samples as Samples
from ._spectrum import LowRank as LowRank, Spectrum as Spectrum


__all__ = [
    "AbstractEnsemble",
    "Autoregressive",
    "Bipolar",
    "Clustered",
    "Gaussian",
    "LowRank",
    "Normalized",
    "OneHot",
    "Samples",
    "Spectrum",
    "Spherical",
]
