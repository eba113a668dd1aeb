from .dot_product import DotProduct as DotProduct
from .entmax import Entmax as Entmax
from .epanechnikov import Epanechnikov as Epanechnikov
from .exponential import Exponential as Exponential
from .k_subset import KSubset as KSubset
from .nearest import Nearest as Nearest
from .normmax import Normmax as Normmax
from .null_softmax import NullSoftmax as NullSoftmax
from .polynomial import Polynomial as Polynomial
from .pseudoinverse import (
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
)
from .quartic import Quartic as Quartic
from .relu import ReLU as ReLU
from .softmax import Softmax as Softmax
from .sparsemax import Sparsemax as Sparsemax
from .top_k import TopK as TopK
from .triweight import Triweight as Triweight
