"""All profiles by name, made when they are first asked for: imports and pixel data cost up to two seconds each."""

from collections.abc import Mapping
from functools import lru_cache, partial
from importlib import import_module

from loadtests.profiles.study import Profile

# name -> module of this package and class; the class is called with the seed
_PROFILES: Mapping[str, tuple[str, str]] = {
    "ct": ("ct", "ComputedTomography"),
    "mr": ("mr", "MagneticResonance"),
    "cr": ("cr", "ComputedRadiography"),
    "dx": ("dx", "DigitalRadiography"),
    "mg": ("mg", "Mammography"),
    "mg-tomo-native": ("tomosynthesis", "Tomosynthesis"),
    "us-native": ("ultrasound", "Ultrasound"),
    "pet": ("pet", "PositronEmission"),
    "nm": ("nm", "NuclearMedicine"),
    "slide": ("slide", "Slide"),
    "slide-small": ("slide", "SmallSlide"),
    "video": ("video", "Video"),
    "video-clip": ("video", "VideoClip"),
    "sr": ("structured_report", "StructuredReport"),
    "pdf": ("document", "Document"),
}
# name -> name of the uncompressed profile and codec
_COMPRESSED: Mapping[str, tuple[str, str]] = {
    "us": ("us-native", "JPEG_BASELINE"),
    "mg-tomo": ("mg-tomo-native", "JPEG_LS"),
    "ct-jpeg-lossless": ("ct", "JPEG_LOSSLESS"),
    "ct-jpegls": ("ct", "JPEG_LS"),
    "ct-jpegls-lossy": ("ct", "JPEG_LS_LOSSY"),
    "ct-j2k": ("ct", "JPEG_2000"),
    "ct-j2k-lossy": ("ct", "JPEG_2000_LOSSY"),
    "ct-htj2k": ("ct", "HTJ2K"),
    "ct-rle": ("ct", "RLE"),
    "mr-jpeg-lossless": ("mr", "JPEG_LOSSLESS"),
    "mr-jpegls": ("mr", "JPEG_LS"),
    "mr-j2k": ("mr", "JPEG_2000"),
    "mr-htj2k": ("mr", "HTJ2K"),
    "mr-rle": ("mr", "RLE"),
    "cr-jpeg-lossless": ("cr", "JPEG_LOSSLESS"),
    "cr-j2k": ("cr", "JPEG_2000"),
    "cr-j2k-lossy": ("cr", "JPEG_2000_LOSSY"),
    "dx-jpegls": ("dx", "JPEG_LS"),
    "dx-htj2k": ("dx", "HTJ2K"),
    "mg-jpeg-lossless": ("mg", "JPEG_LOSSLESS"),
    "mg-htj2k": ("mg", "HTJ2K"),
    "us-rle": ("us-native", "RLE"),
    "us-jpegls": ("us-native", "JPEG_LS"),
    "us-j2k": ("us-native", "JPEG_2000"),
    "pet-rle": ("pet", "RLE"),
    "nm-rle": ("nm", "RLE"),
}


def names() -> tuple[str, ...]:
    """The names of all profiles, as campaign files say them."""
    return (*_PROFILES, *_COMPRESSED)


@lru_cache(maxsize=64)
def profile(name: str, seed: int) -> Profile:
    """The profile of that name; asked again with the same seed, the same object.

    Raises:
        ValueError: there is none; the message lists them.
    """
    if name not in names():
        raise ValueError(f"{name!r} is no profile; there are {', '.join(names())}")
    base, codec = _COMPRESSED.get(name, (name, ""))
    module, maker = _PROFILES[base]
    made = getattr(import_module(f"loadtests.profiles.{module}"), maker)
    if codec:
        codecs, compressed = import_module("loadtests.profiles.codecs"), import_module("loadtests.profiles.compressed")
        made = partial(compressed.Compressed, name, made, getattr(codecs, codec))
    found: Profile = made(seed)
    return found
