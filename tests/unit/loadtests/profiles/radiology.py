"""The profiles of the radiology department, and short ways to an instance of one."""

from datetime import UTC, datetime
from io import BytesIO

from pydicom import Dataset, dcmread

from loadtests.profiles import catalogue
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.study import Profile, Study

SEED = 7
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODALITIES = ("ct", "mr", "cr", "dx", "mg", "us", "pet", "nm")
NAMES = tuple(name for name in catalogue.names() if name.split("-")[0] in MODALITIES)
NATIVE = ("ct", "mr", "cr", "dx", "mg", "pet", "nm", "us-native", "mg-tomo-native")


def profile(name: str) -> Profile:
    """Of that name."""
    return catalogue.profile(name, SEED)


def study(name: str, instances: int | None = 6, *, run: str = "a run", number: int = 3, seed: int = SEED) -> Study:
    """A study of that profile."""
    return Study(profile(name), run, number, instances, MOMENT, seed)


def read(instance: Instance) -> Dataset:
    """What pydicom makes of it."""
    return dcmread(BytesIO(b"".join(as_file(instance))))


def head(instance: Instance) -> Dataset:
    """What pydicom makes of it, without the pixel data."""
    file = b"".join(as_file(instance)[:2])
    return dcmread(BytesIO(file + bytes(32)), stop_before_pixels=True)
