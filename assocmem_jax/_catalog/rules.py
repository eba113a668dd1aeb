"""The list of all rules."""

import inspect
from typing import Any, NamedTuple

from .. import _rules, features, similarities
from .._base.text import public
from .._core.rule import AbstractRule
from ..features import AbstractFeatures
from ..similarities import AbstractSimilarity


RULES: dict[str, Any] = public(_rules, AbstractRule)
# What rules are made of, beside numbers.
PARTS = {
    **public(similarities, AbstractSimilarity),
    **public(features, AbstractFeatures),
}


class RuleFacts(NamedTuple):
    """A rule in one line: its name, its parameters, and what it says of itself.

    Attributes:
        name: of the class.
        parameters: as they are passed, with their defaults. Separations take a
            `similarity`, too.
        formula: the answer to a query q, with keys K and values V as rows.
        write: number of operations to store n pairs, leading terms.
        read: number of operations to answer one query, leading terms.
        state: how many numbers the memory holds, leading terms.
        source: where the rule comes from.
    """

    name: str
    parameters: str
    formula: str
    write: str
    read: str
    state: str
    source: str


def rules() -> tuple[RuleFacts, ...]:
    """All rules of the library, by name.

    Sizes are n stored pairs, dimension d of keys, dimension v of values. `state_bytes`
    has the size of a memory in bytes.

    Example:
        >>> import assocmem_jax as am
        >>> [rule.formula for rule in am.rules() if rule.name == "DotProduct"]
        ['V^T K q']
    """
    return tuple(_facts(name, RULES[name]) for name in sorted(RULES))


def _facts(name: str, kind: type[AbstractRule]) -> RuleFacts:
    about = kind.about
    if about is None:
        raise TypeError(f"`{name}.about` must say what the rule is, got None.")
    parameters = inspect.signature(kind).parameters.values()
    shown = [
        str(x.replace(annotation=inspect.Parameter.empty))
        for x in parameters
        if x.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    return RuleFacts(name, ", ".join(shown), *about)
