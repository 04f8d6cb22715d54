"""Unique identifiers of one length, so that they can be patched in place, derived so that a run can be reproduced."""

import hashlib

LENGTH = 44  # "2.25." and 39 digits: even, so that the encoded value needs no padding


def derive(run: str, *path: object) -> str:
    """The UID of a thing in a run: the same for the same run and path, new for any other (PS3.5 annex B.2).

    It is a UUID of version 8 (RFC 9562: made by a rule of one's own, here SHA-256) under the arc 2.25. Values of fewer
    than 39 digits are passed over, which leaves 71 % of the space.
    """
    name = "/".join(map(str, (run, *path))).encode()
    for attempt in range(256):
        number = int.from_bytes(hashlib.sha256(name + b"#%d" % attempt).digest()[:16])
        number = number & ~(0xF << 76) & ~(0b11 << 62) | 8 << 76 | 0b10 << 62
        if number >= 10**38:
            return f"2.25.{number}"
    raise AssertionError("256 hashes below 10^38 in a row: a chance of 10^-138")


def short_hash(run: str) -> str:
    """Seven digits that stand for the run where a UID is too long: in accession numbers and patient IDs."""
    return hashlib.sha256(run.encode()).hexdigest()[:7].upper()
