from .dot_product import DotProduct as DotProduct
from .local_linear import LocalLinear as LocalLinear
from .pseudoinverse import (
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
)
from .relu import ReLU as ReLU
from .softmax import Softmax as Softmax
from .sparsemax import Sparsemax as Sparsemax
