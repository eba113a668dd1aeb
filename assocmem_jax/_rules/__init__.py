from .covariance import Covariance as Covariance, CovarianceMemory as CovarianceMemory
from .dot_product import DotProduct as DotProduct
from .entmax import Entmax as Entmax
from .epanechnikov import Epanechnikov as Epanechnikov
from .exponential import Exponential as Exponential
from .k_subset import KSubset as KSubset
from .linear_attention import (
    LinearAttention as LinearAttention,
    LinearAttentionMemory as LinearAttentionMemory,
)
from .local_linear import LocalLinear as LocalLinear
from .mapped import Mapped as Mapped
from .nearest import Nearest as Nearest
from .normmax import Normmax as Normmax
from .null_softmax import NullSoftmax as NullSoftmax
from .polar import Polar as Polar
from .polynomial import Polynomial as Polynomial
from .pseudoinverse import (
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
)
from .quartic import Quartic as Quartic
from .relu import ReLU as ReLU
from .ridge import Ridge as Ridge
from .softmax import Softmax as Softmax
from .sparsemax import Sparsemax as Sparsemax
from .top_k import TopK as TopK
from .triweight import Triweight as Triweight
