"""A rule held to all laws."""

from collections.abc import Collection

from .._base.checks import check_size
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.suggest import suggest
from .._core.rule import AbstractRule
from ._case import Definition
from ._laws import LAWS


def check_rule(
    rule: AbstractRule,
    definition: Definition | None = None,
    *,
    d: int = 5,
    v: int = 3,
    breaks: Collection[str] = (),
) -> None:
    """Hold a rule of your own to the laws that the rules of this library obey.

    The answers equal the definition whatever the type of the arrays, the size of
    blocks, the order of pairs, masks, stops and shards; derivatives are right; nothing
    as large as all scores is held; and what the rule declares of itself is true. A
    small rule takes some twenty seconds, most of them to compile.

    Three laws need two devices, and hold nothing on one: "shards", "adjoints" and
    "meshes". With `JAX_NUM_CPU_DEVICES=2` in the environment a CPU has two.

    Args:
        rule: the rule.
        definition: the answers by NumPy in float64, `definition(keys, values,
            queries)`, all with one item per row. `None` compares the rule with itself,
            dense, on exactly the stored pairs.
        d: dimension of the keys, where arrays of the rule fit one dimension alone.
        v: dimension of the values.
        breaks: names of laws that the rule truly breaks, such as `("order",)` for one
            that forgets. They are not checked.

    Raises:
        AssertionError: if the rule breaks laws: a sentence for each, with the law, what
            was got, and what to do.
        TypeError: if the rule is none.
        ValueError: if a size is below 1, or a law is not known.

    Example:
        >>> import assocmem_jax as am
        >>> am.testing.check_rule(am.ReLU())
    """
    if not isinstance(rule, AbstractRule):
        raise ArgumentTypeError(
            "check_rule", "rule", f"must be a rule such as `Softmax()`, got {rule!r}"
        )
    check_size("check_rule", "d", d)
    check_size("check_rule", "v", v)
    unknown = [name for name in breaks if name not in LAWS]
    if isinstance(breaks, str) or unknown:
        named = breaks if isinstance(breaks, str) else unknown[0]
        raise ArgumentError(
            "check_rule",
            "breaks",
            f"must be names of laws, got {named!r}",
            f"{suggest(named, LAWS)} Pass a tuple of some of {', '.join(LAWS)}.",
        )
    broken = []
    for name, law in LAWS.items():
        if name not in breaks:
            try:
                law(rule, definition, d=d, v=v)
            except AssertionError as error:
                broken.append(str(error))
    if broken:
        lines = "\n".join(f"- {sentence}" for sentence in broken)
        raise AssertionError(
            f"`{type(rule).__name__}` breaks {len(broken)} of {len(LAWS)} laws:\n"
            f"{lines}"
        )
