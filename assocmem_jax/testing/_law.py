"""What a law is: a sentence, and a function that checks it."""

import dataclasses
from collections.abc import Callable

import jax

from .._core.rule import AbstractRule
from ._case import Case, Definition


@dataclasses.dataclass(frozen=True)
class Law:
    """A law that every rule obeys.

    Attributes:
        name: one word.
        says: what holds.
        advice: what to do where it does not.
        check: raises an `AssertionError` that says what was got.
    """

    name: str
    says: str
    advice: str
    check: Callable[[Case], None]

    def __call__(
        self,
        rule: AbstractRule,
        definition: Definition | None = None,
        *,
        d: int = 5,
        v: int = 3,
    ) -> None:
        """Hold a rule to the law.

        Args:
            rule: the rule.
            definition: from keys, values and queries, one per row, to answers.
            d: dimension of the keys.
            v: dimension of the values.

        Raises:
            AssertionError: in one sentence, if the rule breaks the law.
        """
        try:
            # Whatever the mode of the caller: single precision hides too much.
            with jax.enable_x64(True):
                self.check(Case(rule, definition, d, v))
        except AssertionError as broken:
            raise AssertionError(self.sentence(str(broken))) from None
        except Exception as error:
            said = (str(error).strip() or "no message").splitlines()[0].rstrip(".")
            got = f"`{type(error).__name__}: {said}`"
            raise AssertionError(self.sentence(got)) from error

    def sentence(self, got: str) -> str:
        """The law, what was got, and what to do."""
        return f"`{self.name}`: {self.says}, got {got}; {self.advice}."


LAWS: dict[str, Law] = {}


def law(name: str, says: str, advice: str):
    """Put a function on the table of laws."""

    def put(check: Callable[[Case], None]) -> Law:
        LAWS[name] = Law(name, says, advice, check)
        return LAWS[name]

    return put
