"""The laws that every rule obeys, for rules of your own."""

from ._check import check_rule as check_rule


__all__ = [name for name in dir() if name[0] != "_"]  # pyright: ignore
