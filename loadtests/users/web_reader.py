"""What readers ask of DICOMweb: queries to their last page, instances, metadata, whatever address an answer holds."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from loadtests.campaigns.plan import Operation
from loadtests.users.base import compared
from loadtests.users.dicomweb import (
    BULK_PARTS,
    DICOM_JSON,
    DICOM_PARTS,
    Address,
    PeerError,
    Taken,
    WebUser,
    data_sets,
    instances,
    value,
)
from loadtests.users.http import Answer

STUDY_UID, SERIES_UID, SOP_INSTANCE_UID = "0020000D", "0020000E", "00080018"
_KEYS = {"studies": STUDY_UID, "series": SERIES_UID, "instances": SOP_INSTANCE_UID}
_NO_CONTENT = 204


@dataclass(slots=True, frozen=True)
class Described:
    """An instance as its metadata describe it; numbers are 0 where the data set doesn't say them, `frames` is 1."""

    uid: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    frames: int
    matrix_rows: int
    matrix_columns: int
    """Of a slide's level: pixels of all tiles together (PS3.3 section C.8.12.4)."""
    data_set: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, data_set: dict[str, Any]) -> "Described":
        """Raises PeerError."""
        rows, columns, frames, matrix_rows, matrix_columns = (
            _number(data_set, tag) for tag in ("00280010", "00280011", "00280008", "00480007", "00480006")
        )
        kinds = data_set.get("00080008", {})
        kinds = kinds.get("Value") if isinstance(kinds, dict) else None
        return cls(
            uid=value(data_set, SOP_INSTANCE_UID),
            image_type=tuple(map(str, kinds)) if isinstance(kinds, list) else (),
            rows=rows,
            columns=columns,
            frames=frames or 1,
            matrix_rows=matrix_rows,
            matrix_columns=matrix_columns,
            data_set=data_set,
        )

    @property
    def images(self) -> Iterator[tuple[str, int]]:
        """UID and number of each frame, from 1; none where it is no image. As many as the archive says: don't list."""
        return ((self.uid, number + 1) for number in range(self.frames if self.rows else 0))


def _number(data_set: dict[str, Any], tag: str) -> int:
    said = value(data_set, tag)
    try:
        return int(said or 0)
    except ValueError:
        raise PeerError("no DICOM JSON") from None


class WebReader(WebUser):
    """Queries and retrieves; every answer is judged."""

    abstract = True
    ALLOWANCE = 1 << 24
    """Bytes over what was stored that an answer may have."""

    def query(
        self, path: str, parameters: Mapping[str, str], *, page: int = 0, expected: Collection[str] | None = None
    ) -> list[dict[str, Any]] | None:
        """QIDO-RS; None where it failed.

        Args:
            path: ends with studies, series or instances.
            page: matches a request at most, until a page has fewer (PS3.18 section 8.3.4.4); 0: all in one answer.
            expected: UIDs that must all be among the matches, known with the last page.
        """
        key = _KEYS[path.rpartition("/")[2]]
        found: dict[str, dict[str, Any]] = {}
        while True:
            window = {"limit": str(page), "offset": str(len(found))} if page else {}
            matches = self.fetch(
                Operation.QIDO_RS,
                f"{path}?{urlencode({**parameters, **window}, safe='*,')}",
                DICOM_JSON,
                _page(key, page, found, expected),
                good=(200, _NO_CONTENT),
            )
            if matches is None:
                return None
            if not page or matches < page:
                return list(found.values())

    def retrieve(self, url: str, expected: Mapping[str, str], size: int, *, intended: float | None = None) -> bool:
        """WADO-RS of instances, compared with what was stored; returns whether they came as they ought to.

        Args:
            expected: SOP instance UID -> hash.
            size: bytes that were stored there, about.
        """

        def take(answer: Answer) -> Taken[bool]:
            came = instances(answer, 2 * size + self.ALLOWANCE)
            if wrong := compared(expected, came.value):
                raise PeerError(str(wrong))
            return Taken(True, came.instances, came.size)

        return self.fetch(Operation.WADO_RS, url, DICOM_PARTS, take, intended=intended) or False

    def metadata(self, path: str, expected: Collection[str]) -> list[Described] | None:
        """WADO-RS metadata of the instances below the path; these must be among them."""

        def take(answer: Answer) -> Taken[list[Described]]:
            came = data_sets(answer)
            found = [Described.of(one) for one in came.value]
            if set(expected) - {one.uid for one in found}:
                raise PeerError("metadata of fewer instances than were stored")
            return Taken(found, size=came.size)

        return self.fetch(Operation.WADO_RS_METADATA, f"{path}/metadata", DICOM_JSON, take)

    def follow(self, addresses: Iterable[Address], limit: int) -> None:
        """Fetch every address that an answer held, once; one that leads to a stranger fails and is not followed."""

        def take(answer: Answer) -> Taken[None]:
            size = sum(map(len, answer.pieces(limit)))
            if not size:
                raise PeerError("empty bulk data")
            return Taken(None, size=size)

        for address in dict.fromkeys(addresses):
            if address.bulk:
                self.fetch(Operation.WADO_RS_BULK, address.url, BULK_PARTS, take)
            else:
                self.fetch(Operation.WADO_RS, address.url, DICOM_PARTS, _any(limit))


def _any(limit: int) -> Callable[[Answer], Taken[None]]:
    def take(answer: Answer) -> Taken[None]:
        came = instances(answer, limit)
        if not came.value:
            raise PeerError("an address without an instance")
        return Taken(None, came.instances, came.size)

    return take


def _page(
    key: str, page: int, found: dict[str, dict[str, Any]], expected: Collection[str] | None
) -> Callable[[Answer], Taken[int]]:
    """Takes one page of matches; returns how many it had."""

    def take(answer: Answer) -> Taken[int]:
        came = data_sets(answer)
        if page and len(came.value) > page:
            raise PeerError("more matches than the limit")
        for one in came.value:
            uid = value(one, key)
            if not uid:
                raise PeerError("a match without its UID")
            if uid in found:
                raise PeerError("the same match twice")
            found[uid] = one
        if expected is not None and (not page or len(came.value) < page) and set(expected) - found.keys():
            raise PeerError("fewer matches than were stored")
        return Taken(len(came.value), size=came.size)

    return take
