from .covariance import Covariance as Covariance, CovarianceMemory as CovarianceMemory
from .dot_product import DotProduct as DotProduct
from .linear_attention import (
    LinearAttention as LinearAttention,
    LinearAttentionMemory as LinearAttentionMemory,
)
from .local_linear import LocalLinear as LocalLinear
from .mapped import Mapped as Mapped
from .polar import Polar as Polar
from .pseudoinverse import (
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
)
from .relu import ReLU as ReLU
from .ridge import Ridge as Ridge
from .softmax import Softmax as Softmax
from .sparsemax import Sparsemax as Sparsemax
