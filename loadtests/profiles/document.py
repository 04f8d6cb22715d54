"""Documents: letters and findings as scanned PDF (PS3.3 section A.45.1), one instance a study."""

import hashlib
import io
import struct
import time
from collections.abc import Hashable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from loadtests.profiles.distributions import pick, share
from loadtests.profiles.modules import coded, make
from loadtests.profiles.pixels import Pixels, Tail

PAGES: Final = (1, 1, 1, 2, 2, 3, 5, 9)
"""Of the documents, in turn: half of them have one or two."""
_SIZE = (1240, 1754)  # pixels: A4 at 150 dpi
_MOMENT = time.gmtime(1_767_225_600)  # PDF says when it was made: always at the begin of 2026
_MIME_TYPE = struct.pack("<HH2sH", 0x0042, 0x0012, b"LO", 16) + b"application/pdf "


class DocumentPixels:
    """An encapsulated document with a last line of comment for the nonce, and the element behind it.

    Readers look for the end of a PDF in its last kilobyte (ISO 32000-1 annex H, note 18).
    """

    def __init__(self, document: bytes) -> None:
        padding = b"\n" * (len(document) % 2)
        document += padding
        comment = len(_comment(bytes(32)))
        self.body = (struct.pack("<HH2s2xI", 0x0042, 0x0011, b"OB", len(document) + comment) + document,)
        self.body_size = len(self.body[0])
        self.hashed = hashlib.sha256(document)

    def tail(self, nonce: bytes) -> Tail:
        """The comment, and the MIME type, which stands behind the document."""
        comment = _comment(nonce)
        return Tail((comment, _MIME_TYPE), (comment,))


class Document:
    """A letter of a few scanned pages."""

    name = "pdf"
    transfer_syntax = str(ExplicitVRLittleEndian)
    source = "own estimate: letters of one to nine pages, scanned at 150 dpi"

    def __init__(self, seed: int) -> None:
        pages = [_page(seed, number) for number in range(max(PAGES))]
        self._made = {count: DocumentPixels(_pdf(pages[:count])) for count in sorted(set(PAGES))}

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """One document, rarely more, in one series."""
        return share(instances or pick(random, ((1, 0.8), (2, 0.15), (4, 0.05))), 1)

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """Documents of as many pages."""
        return PAGES[number % len(PAGES)]

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002  (the signature of all profiles)
        """Encapsulated document (PS3.3 section C.24) up to the document."""
        return make(
            SOPClassUID=EncapsulatedPDFStorage,
            Modality="DOC",
            Manufacturer="VNAOPS",
            ManufacturerModelName="Synthetic",
            ConversionType="SD",
            ContentDate="",
            AcquisitionDateTime="",
            BurnedInAnnotation="YES",
            DocumentTitle="Synthetic letter",
            ConceptNameCodeSequence=coded("18748-4", "LN", "Diagnostic Imaging Report"),
        )

    def pixels(self, series: int, number: int) -> Pixels:  # noqa: ARG002  (the signature of all profiles)
        """One of the documents, in turn."""
        return self._made[PAGES[number % len(PAGES)]]

    def geometry(self, series: int, number: int) -> dict[int, str]:  # noqa: ARG002  (the signature of all profiles)
        """Nothing but the instance number differs."""
        return {}


def _comment(nonce: bytes) -> bytes:
    return b"%" + nonce.hex().encode() + b"\n"


def _page(seed: int, number: int) -> Image.Image:
    """A page of nonsense, with the grain of a scanner."""
    random = np.random.default_rng([seed, number, 0xD0C])
    page = Image.new("L", _SIZE, 248)
    draw = ImageDraw.Draw(page)
    draw.text((110, 90), f"VNAOPS TEST: synthetic letter, page {number + 1}", fill=20, font_size=36)
    for line in range(38):
        words = ("".join(random.choice(list("aeionrstlmdu"), random.integers(2, 11))) for _ in range(11))
        draw.text((110, 190 + 38 * line), " ".join(words)[:92], fill=30, font_size=22)
    grain = random.integers(0, 7, (_SIZE[1], _SIZE[0]), np.uint8)
    return Image.fromarray(np.asarray(page) + grain)  # no brighter than 254


def _pdf(pages: list[Image.Image]) -> bytes:
    target = io.BytesIO()
    pages[0].save(
        target, "PDF", save_all=True, append_images=pages[1:], resolution=150, creationDate=_MOMENT, modDate=_MOMENT
    )
    return target.getvalue()
