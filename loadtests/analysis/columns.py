"""Transactions as columns: what all of the analysis computes on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtests.transactions import Outcome, Transaction

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Labels:
    """A column of few different words: a code per row, and the words."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str]) -> "Labels":
        """Of the words themselves."""
        seen: dict[str, int] = {}
        codes = np.fromiter((seen.setdefault(value, len(seen)) for value in values), np.int32, len(values))
        return cls(codes, tuple(seen))

    def __getitem__(self, mask: Any) -> "Labels":
        return Labels(self.codes[mask], self.names)

    def is_(self, name: str) -> Mask:
        """Which rows have this word."""
        if name not in self.names:
            return np.zeros(len(self.codes), bool)
        return np.asarray(self.codes == self.names.index(name))

    def present(self) -> list[str]:
        """The words that some row has, in their order."""
        return [self.names[code] for code in np.unique(self.codes)]

    def counts(self) -> dict[str, int]:
        """How many rows have each word; most first."""
        codes, counts = np.unique(self.codes, return_counts=True)
        found = {self.names[code]: int(count) for code, count in zip(codes, counts, strict=True)}
        return dict(sorted(found.items(), key=lambda item: -item[1]))


@dataclass(frozen=True)
class Columns:
    """One row a transaction; times in seconds since the campaign began, sizes in bytes."""

    stream: Labels
    operation: Labels
    intended: Array
    started: Array
    end: Array
    instances: NDArray[np.int64]
    size: NDArray[np.int64]
    outcome: Labels
    error: Labels
    status: Labels
    worker: Labels

    @classmethod
    def of(cls, transactions: Sequence[Transaction]) -> "Columns":
        """Of single transactions."""
        number = {"intended": float, "started": float, "end": float, "instances": np.int64, "size": np.int64}
        values: dict[str, Any] = {}
        for name in (one.name for one in fields(cls)):
            column = [getattr(one, name) for one in transactions]
            values[name] = np.array(column, dtype=number[name]) if name in number else Labels.of(column)
        return cls(**values)

    @classmethod
    def joined(cls, parts: Sequence["Columns"]) -> "Columns":
        """All rows of all parts, in the order of their ends."""
        values: dict[str, Any] = {}
        for name in (one.name for one in fields(cls)):
            columns = [getattr(part, name) for part in parts]
            if columns and isinstance(columns[0], Labels):
                values[name] = _joined(columns)
            else:
                values[name] = np.concatenate(columns) if columns else np.array([])
        if not parts:
            return cls.of([])
        whole = cls(**values)
        return whole[np.argsort(whole.end, kind="stable")]

    def __len__(self) -> int:
        return len(self.end)

    def __getitem__(self, rows: Any) -> "Columns":
        """The rows of a mask, a slice or an array of numbers."""
        return Columns(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @property
    def latency(self) -> Array:
        """From the intended begin to the whole answer."""
        return np.asarray(self.end - self.intended)

    @property
    def service(self) -> Array:
        """From the request to its whole answer."""
        return np.asarray(self.end - self.started)

    @property
    def ok(self) -> "Columns":
        """Those that succeeded."""
        return self[self.outcome.is_(Outcome.OK)]

    def of_operation(self, name: str) -> "Columns":
        """Those of one operation."""
        return self[self.operation.is_(name)]

    def later(self, seconds: float) -> "Columns":
        """The same, that much later."""
        return replace(self, intended=self.intended + seconds, started=self.started + seconds, end=self.end + seconds)


def _joined(columns: Sequence[Labels]) -> Labels:
    names: dict[str, int] = {}
    parts = []
    for column in columns:
        codes = np.array([names.setdefault(name, len(names)) for name in column.names], np.int32)
        parts.append(codes[column.codes] if len(codes) else column.codes)
    return Labels(np.concatenate(parts), tuple(names))
