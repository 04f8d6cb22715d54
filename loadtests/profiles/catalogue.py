"""All profiles by name, made when they are first asked for: imports and pixel data cost up to two seconds each."""

from functools import lru_cache
from importlib import import_module

from loadtests.profiles.study import Profile

# name -> module of this package and class; the class is called with the seed
_MODULES = {
    "ct": ("ct", "ComputedTomography"),
    "mr": ("mr", "MagneticResonance"),
    "us": ("ultrasound", "Ultrasound"),
}


def names() -> tuple[str, ...]:
    """The names of all profiles, as campaign files say them."""
    return tuple(_MODULES)


@lru_cache(maxsize=64)
def profile(name: str, seed: int) -> Profile:
    """The profile of that name; asked again with the same seed, the same object.

    Raises:
        ValueError: there is none; the message lists them.
    """
    try:
        module, maker = _MODULES[name]
    except KeyError:
        raise ValueError(f"{name!r} is no profile; there are {', '.join(names())}") from None
    made: Profile = getattr(import_module(f"loadtests.profiles.{module}"), maker)(seed)
    return made
