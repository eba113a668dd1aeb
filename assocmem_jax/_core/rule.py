"""What a retrieval rule is."""

import abc
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.errors import ArgumentTypeError
from .._base.suggest import suggest
from .._base.text import shown
from .about import About
from .fields import hyperparameters, is_number, value_of
from .fold import Fold
from .pairs import Pairs


Memory = TypeVar("Memory")
Rule = TypeVar("Rule", bound="AbstractRule")
Looks: TypeAlias = Literal["memory", "once", "again"]
LOOKS: tuple[Looks, ...] = ("memory", "once", "again")


class AbstractRule(eqx.Module, Generic[Memory]):
    """A retrieval rule: what is stored, and how one query is answered.

    Rules are pure: `write` returns the memory, and nothing changes in place. Both
    methods see the stored pairs through `fold` alone. A rule that weighs values by the
    scores of their keys is better written as an `AbstractSeparation`, and one whose
    memory is a sum over pairs as an `AbstractLinear`: studies of these take one pass
    over the pairs for all loads.

    Attributes:
        looks: how `read` looks at the stored pairs: at the "memory" alone, whose size
            does not depend on their number; "once", in a single fold; or "again", as
            often as it likes, which is right for any rule.
        about: the rule in one line of a table, if anything is said of it.

    Raises:
        TypeError: if a class declares `looks` that are none of these, or "once" without
            being a separation.
    """

    looks: ClassVar[Looks] = "again"
    about: ClassVar[About | None] = None

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if cls.looks not in LOOKS:
            raise TypeError(
                f"`{cls.__name__}.looks` must be how the rule looks at its pairs, got "
                f"{cls.looks!r}.{suggest(str(cls.looks), LOOKS)}"
            )
        if cls.looks not in cls._may_look():
            allowed = " or ".join(f'"{looks}"' for looks in cls._may_look())
            raise TypeError(
                f'`{cls.__name__}.looks` must be {allowed}, got "{cls.looks}". Derive '
                "a rule that looks once from `AbstractSeparation`, one that looks at "
                "its memory from `AbstractLinear` or `AbstractRule`."
            )

    def __repr__(self) -> str:
        return shown(self)

    @classmethod
    def _may_look(cls) -> tuple[Looks, ...]:
        return ("memory", "again")

    @abc.abstractmethod
    def write(self, pairs: Pairs, fold: Fold = Fold()) -> Memory:
        """Everything that can be computed before the query is known."""

    @abc.abstractmethod
    def read(
        self, memory: Memory, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Float[Array, " v"]:
        """The value retrieved for one query. Use `jax.vmap` for many."""

    def critical_loads(self, d: int) -> tuple[int, ...]:
        """Numbers of pairs at which answers to corrupted queries can have a valley.

        A search for the capacity looks there, and `capacity` says where a study did
        not: between loads that pass, a valley too narrow to be seen can fail.

        Args:
            d: dimension of the keys.
        """
        del d
        return ()


def known(rule: Rule, **values: Any) -> Rule:
    """The rule with fields that nobody passes, and that are known once it is prepared.

    Args:
        rule: the rule, these fields `None`.
        values: of the fields, by name.
    """
    fields = lambda rule: [getattr(rule, name) for name in values]
    is_unknown = lambda x: x is None
    return eqx.tree_at(fields, rule, list(values.values()), is_leaf=is_unknown)


def static_advice(rule: AbstractRule, error: Exception) -> str:
    """What to do about an error of a rule that takes an array for a plain number.

    Nothing, as an empty text, where it is another error.
    """
    numbers = [x for x in hyperparameters(rule) if value_of(rule, x) is not None]
    # Python's own errors name the type of what is traced.
    traced = isinstance(error, jax.errors.JAXTypeError) or "Trace" in str(error)
    if not (numbers and traced and isinstance(error, TypeError)):
        return ""
    return (
        f"While a program is traced, {' and '.join(f'`{x}`' for x in numbers)} "
        f"{'is an array' if len(numbers) == 1 else 'are arrays'}: declare a number "
        "that decides what is compiled by `eqx.field(static=True)`."
    )


def with_arrays(rule: AbstractRule) -> AbstractRule:
    """The rule with hyperparameters that are plain numbers as arrays."""
    return jax.tree.map(lambda x: jnp.asarray(x) if is_number(x) else x, rule)


class Static(NamedTuple):
    """The part of a module that a program is compiled for, arrays left out.

    Attributes:
        tree: the structure of the module.
        leaves: its leaves that are no arrays, `None` in place of each array.
    """

    tree: Any
    leaves: tuple


def split(function: str, argument: str, module: Any) -> tuple[list[Any], Static]:
    """The arrays of a module, and its static part: functions, texts, static fields.

    Args:
        function: the function as the user called it.
        argument: the argument that holds the module.
        module: a rule, or a tree of modules.

    Raises:
        TypeError: if something in it is neither an array nor hashable.
    """
    leaves, tree = jax.tree.flatten(module)
    is_array = [isinstance(x, Array) or is_number(x) for x in leaves]
    arrays = [x for x, known in zip(leaves, is_array, strict=True) if known]
    rest = tuple(
        None if known else x for x, known in zip(leaves, is_array, strict=True)
    )
    for x in rest:
        try:
            hash(x)
        except TypeError as error:
            raise ArgumentTypeError(
                function,
                argument,
                f"holds {x!r}, which is no array and cannot be hashed",
                "Declare the field that holds it by `eqx.field(static=True)`, and make "
                "it hashable, such as a tuple in place of a list.",
            ) from error
    return arrays, Static(tree, rest)


def joined(arrays: list[Any], static: Static) -> Any:
    """The module that was split."""
    given = iter(arrays)
    leaves = [next(given) if x is None else x for x in static.leaves]
    return jax.tree.unflatten(static.tree, leaves)
