"""Random secrets by alphabet and length."""

import math
import secrets
import string

ALPHANUMERIC = string.ascii_letters + string.digits
LEAST_BITS = 64.0


def bits(length: int, alphabet: str) -> float:
    """Entropy in bits of a secret whose characters are drawn evenly from the alphabet's distinct characters."""
    return length * math.log2(len(set(alphabet))) if alphabet else 0.0


def random_value(length: int, alphabet: str = ALPHANUMERIC) -> str:
    """`length` characters, each drawn from the operating system's randomness with equal chances."""
    characters = sorted(set(alphabet))
    return "".join(secrets.choice(characters) for _ in range(length))
