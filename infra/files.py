"""Writing files whole: a crash leaves the old one or the new one."""

import os
from pathlib import Path


def write(path: Path, text: str | bytes, mode: int = 0o600) -> bool:
    """Writes the file unless it has that content already; says whether it wrote. Folders are made with mode 0700."""
    content = text.encode() if isinstance(text, str) else text
    if path.is_file() and path.read_bytes() == content and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_name(f".{path.name}.half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
        os.fchmod(out.fileno(), mode)
    half.replace(path)
    return True
