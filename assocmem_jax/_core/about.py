"""What there is to say of a rule in one line of a table."""

from typing import NamedTuple


class About(NamedTuple):
    """A rule in one line.

    Sizes are n stored pairs, dimension d of keys, dimension v of values; `log` is the
    natural logarithm.

    Attributes:
        formula: the answer to a query q, with keys K and values V as rows.
        write: number of operations to store n pairs, leading terms, such as `2 n d v`.
        read: number of operations to answer one query, leading terms.
        state: how many numbers the memory holds, leading terms.
        source: where the rule comes from: authors, year, and an identifier.
    """

    formula: str
    write: str
    read: str
    state: str
    source: str
