"""What there is to say of a rule in one line of a table."""

import re
from typing import Literal, NamedTuple


class About(NamedTuple):
    """A rule in one line.

    Sizes are n stored pairs, dimension d of keys, dimension v of values, D features,
    and k of whatever a rule calls k. Numbers are texts such as `about 2 n (d + v)`.

    Attributes:
        formula: the answer to a query q, with keys K and values V as rows.
        write: number of operations to store n pairs, leading terms.
        read: number of operations to answer one query, leading terms.
        state: how many numbers the memory holds, leading terms.
        source: where the rule comes from: authors, year, and an identifier.
    """

    formula: str
    write: str
    read: str
    state: str
    source: str

    def counted(
        self, what: Literal["write", "read", "state"], **sizes: int | float
    ) -> float:
        """One of the numbers, at some sizes."""
        text = getattr(self, what).removeprefix("about ")
        # Factors have no sign between them.
        product = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", text).replace("^", "**")
        return float(eval(product, {"__builtins__": {}}, sizes))
