from ._dot_product import DotProduct as DotProduct
from ._pseudoinverse import (
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
)
from ._relu import ReLU as ReLU
from ._softmax import Softmax as Softmax
from ._sparsemax import Sparsemax as Sparsemax
