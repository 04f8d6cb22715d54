"""One folder of several campaigns' raw data: parts of one load, sent from several machines at the same time."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from loadtests import raw
from loadtests.reports.folder import ENVIRONMENT, INTEGRITY, LEDGERS, PLAN, SESSION, TRANSACTIONS, Folder, FolderError


def merge(parts: list[Folder], into: Path) -> None:
    """Raw data and ledgers of all go into a new folder, with one session and the counts of integrity in sum.

    Raises:
        FolderError: `into` exists, a part can't be read, or they were not at the same time.
    """
    if len(parts) < 2:
        raise FolderError("merge: name two folders at least")
    names = [part.path.resolve() for part in parts]
    if len(set(names)) < len(names):
        raise FolderError("merge: a folder is named twice: its requests would count double")
    _together(parts)
    try:
        into.mkdir(parents=True)
    except FileExistsError:
        raise FolderError(f"{into} exists: nothing is merged into a folder that is there; name another one") from None
    except OSError as error:
        raise FolderError(f"{into} can't be made: {error.strerror}") from None
    for number, part in enumerate(parts):
        for pattern in (TRANSACTIONS, LEDGERS):
            for file in sorted(part.path.glob(pattern)):
                kind, _, rest = file.name.partition("-")
                shutil.copyfile(file, into / f"{kind}-{number}.{rest}")
    shutil.copyfile(parts[0].path / PLAN, into / PLAN)
    if (parts[0].path / ENVIRONMENT).exists():
        shutil.copyfile(parts[0].path / ENVIRONMENT, into / ENVIRONMENT)
    (into / SESSION).write_text(json.dumps(_session(parts), indent=1) + "\n")
    integrity = _integrity(parts)
    if integrity is not None:
        (into / INTEGRITY).write_text(json.dumps(integrity, indent=1) + "\n")


def _together(parts: list[Folder]) -> None:
    spans = []
    for part in parts:
        if part.started is None:
            raise FolderError(f"{part.path}: nothing says when it began: it can't be merged")
        end = part.started + timedelta(seconds=float(part.rows.end.max()) if len(part.rows) else 0.0)
        spans.append((part.started, end))
    if max(begin for begin, _ in spans) > min(end for _, end in spans):
        raise FolderError(
            "merge: they did not run at the same time: merged are parts of one load; "
            "repeats are given to compare side by side (--a A1 A2 A3 --b B1 B2 B3)"
        )


def _session(parts: list[Folder]) -> dict[str, object]:
    sessions = [part.session for part in parts]
    started = min(moment for part in parts if (moment := _began(part)))
    return {
        "run": ", ".join(str(one.get("run")) for one in sessions),
        "started": started.isoformat(),
        "interrupted": any(one.get("interrupted", True) for one in sessions),
        "users_died": sum(one.get("users_died", 0) for one in sessions),
        "failures": [words for one in sessions for words in one.get("failures", ())],
        "generator": {**sessions[0].get("generator", {}), "merged": ", ".join(part.path.name for part in parts)},
    }


def _began(part: Folder) -> datetime | None:
    """Second 0 of its raw data: what `raw.read` puts all on."""
    moments = [raw.header(file).get("started") for file in sorted(part.path.glob(TRANSACTIONS))]
    return min((datetime.fromisoformat(one) for one in moments if one), default=part.started)


def _integrity(parts: list[Folder]) -> dict[str, object] | None:
    """Counts in sum; None unless all were verified."""
    found = [part.json(INTEGRITY) for part in parts]
    if any(one is None for one in found):
        return None
    total: dict[str, object] = {}
    whole = [one for one in found if one is not None]
    for name, value in whole[0].items():
        if isinstance(value, bool):
            total[name] = all(one[name] for one in whole)
        elif isinstance(value, int | float):
            total[name] = sum(one[name] for one in whole)
        elif isinstance(value, dict):
            total[name] = {
                kind: [uid for one in whole for uid in one[name].get(kind, ())] for kind in _kinds(whole, name)
            }
        else:
            total[name] = value
    return total


def _kinds(whole: list[dict[str, dict[str, object]]], name: str) -> list[str]:
    return list(dict.fromkeys(kind for one in whole for kind in one[name]))
