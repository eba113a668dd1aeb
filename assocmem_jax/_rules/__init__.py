from .dot_product import DotProduct as DotProduct
from .mapped import Mapped as Mapped
from .pseudoinverse import (
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
)
from .relu import ReLU as ReLU
from .ridge import Ridge as Ridge
from .softmax import Softmax as Softmax
from .sparsemax import Sparsemax as Sparsemax
