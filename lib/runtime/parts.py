"""Parts of a job's work: chunks of units and shards of images, named `0-of-4` in paths."""

import re
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Part:
    """One of several parts, of almost equal size, of a sequence.

    Attributes
    ----------
    number : int
        Index, from 0.
    count : int
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the name of a part, such as `0-of-4`.

        Raises
        ------
        ValueError
            If the text names no part.
        """
        found = re.fullmatch(r"(\d+)-of-(\d+)", text)
        if not found or int(found[1]) >= int(found[2]):
            raise ValueError(f"{text!r} names no part; it should be like 0-of-4")
        return cls(int(found[1]), int(found[2]))

    def span(self, n: int) -> range:
        """Return the positions of this part among `n`."""
        return range(self.number * n // self.count, (self.number + 1) * n // self.count)


def all_parts(count: int) -> list[str]:
    """Return the names of all parts, in order."""
    return [str(Part(number, count)) for number in range(count)]
