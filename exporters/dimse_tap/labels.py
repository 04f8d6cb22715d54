"""Label values of bounded number: AE titles, groups of SOP classes, words for transfer syntaxes."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

OTHER: Final = "other"

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# below _STORAGE, with all that is below these, the longest first; PS3.4 table B.5-1
_STORAGE_GROUPS: Final = (
    ("1", "cr"),
    ("1.1", "dx"),
    ("1.2", "mg"),
    ("1.3", "dx"),
    ("2", "ct"),
    ("3.1", "us"),
    ("4", "mr"),
    ("6", "us"),
    ("7", "secondary-capture"),
    ("12", "xa"),
    ("13.1", "xa"),
    ("13.1.3", "mg"),  # breast tomosynthesis
    ("20", "nm"),
    ("77.1", "visible-light"),
    ("77.1.1.1", "video"),
    ("77.1.2.1", "video"),
    ("77.1.4.1", "video"),
    ("77.1.6", "slide"),
    ("77.1.8", "slide"),
    ("88", "sr"),
    ("104", "document"),
    ("104.1", "pdf"),
    ("128", "pet"),
    ("130", "pet"),
    ("481", "rt"),
)
_LONGEST_FIRST: Final = sorted(_STORAGE_GROUPS, key=lambda pair: -len(pair[0]))
_SERVICES: Final = {
    "1.2.840.10008.1.1": "verification",
    "1.2.840.10008.1.20.1": "commitment",
    "1.2.840.10008.5.1.4.31": "worklist",
}
SOP_CLASS_GROUPS: Final = (
    *dict.fromkeys([*_SERVICES.values(), "query", *(group for _, group in _STORAGE_GROUPS), OTHER]),
)


@lru_cache(maxsize=256)  # a third of a store's following without it
def sop_class_group(uid: str) -> str:
    """What kind of object or service a SOP class is; one of `SOP_CLASS_GROUPS`."""
    if uid in _SERVICES:
        return _SERVICES[uid]
    if uid.startswith("1.2.840.10008.5.1.4.1.2."):
        return "query"
    if uid.startswith(_STORAGE):
        rest = uid[len(_STORAGE) :]
        for prefix, group in _LONGEST_FIRST:
            if rest == prefix or rest.startswith(f"{prefix}."):
                return group
    return OTHER


_TRANSFER_SYNTAX: Final = "1.2.840.10008.1.2"
TRANSFER_SYNTAX_WORDS: Final = {  # PS3.6 table A-1
    "": "implicit-le",
    ".1": "explicit-le",
    ".1.99": "deflated",
    ".2": "explicit-be",
    ".5": "rle",
    ".4.50": "jpeg",
    ".4.51": "jpeg",
    ".4.57": "jpeg",
    ".4.70": "jpeg",
    ".4.80": "jpeg-ls",
    ".4.81": "jpeg-ls",
    ".4.90": "jpeg2000",
    ".4.91": "jpeg2000",
    ".4.92": "jpeg2000",
    ".4.93": "jpeg2000",
    ".4.201": "htj2k",
    ".4.202": "htj2k",
    ".4.203": "htj2k",
    **{f".4.{number}": "mpeg2" for number in (100, 101)},
    **{f".4.{number}": "mpeg4" for number in range(102, 107)},
    ".4.107": "hevc",
    ".4.108": "hevc",
}


def transfer_syntax_word(uid: str) -> str:
    """A transfer syntax in one word, lossless and lossy alike."""
    if not uid.startswith(_TRANSFER_SYNTAX):
        return OTHER
    return TRANSFER_SYNTAX_WORDS.get(uid[len(_TRANSFER_SYNTAX) :], OTHER)


class AeTitles:
    """AE titles as label values: the known ones, then the first so many that were accepted, all else `other`.

    Only who was accepted is taken in, so that a scan with invented titles neither fills the list nor makes series.
    """

    def __init__(self, known: Iterable[str] = (), limit: int = 64) -> None:
        self.known = tuple(dict.fromkeys(known))
        self._seen = dict.fromkeys(self.known)
        self._limit = max(limit, len(self._seen))

    def label(self, title: str) -> str:
        """The title, if it is on the list."""
        return title if title in self._seen else OTHER

    def accepted(self, title: str) -> str:
        """The same, after putting it on the list if there is room and it is one (PS3.5 section 6.2)."""
        if title not in self._seen and len(self._seen) < self._limit and _is_title(title):
            self._seen[title] = None
        return self.label(title)


def _is_title(title: str) -> bool:
    return 0 < len(title) <= 16 and title.isascii() and title.isprintable() and "\\" not in title
