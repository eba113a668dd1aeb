"""Tables of what a study can be asked for: rows by name, each name once."""

from collections.abc import Mapping
from typing import TypeVar


Row = TypeVar("Row")


class Registry(dict[str, Row]):
    """Rows by name, to which further ones can be added from anywhere.

    Attributes:
        kind: what a row is, for messages, such as `metric`.
    """

    def __init__(self, kind: str, rows: Mapping[str, Row]):
        """Take the first rows."""
        self.kind = kind
        super().__init__(rows)

    def __setitem__(self, name: str, row: Row) -> None:
        """Add a row.

        Raises:
            ValueError: if the name is none, or there is a row of that name.
        """
        if not (isinstance(name, str) and name.isidentifier()):
            raise ValueError(
                f"The name of a new {self.kind} must be one word, as of an argument, "
                f"got {name!r}. Use letters, digits and `_`."
            )
        if name in self:
            raise ValueError(
                f"The name of a new {self.kind} must be its own, got {name!r}, of "
                "which there is one. Choose another name."
            )
        super().__setitem__(name, row)

    def update(self, rows: Mapping[str, Row]) -> None:  # pyright: ignore
        """Add rows, each as by itself."""
        for name, row in rows.items():
            self[name] = row

    def __ior__(self, rows: Mapping[str, Row]):  # pyright: ignore
        self.update(rows)
        return self
