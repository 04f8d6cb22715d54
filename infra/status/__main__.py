"""`python -m infra.status --stack ENV`: 0 all is well, 1 something is wrong, 2 not all is known."""

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra import environment, paths
from infra.status import screen
from infra.status.sections import all_sections, answer
from infra.status.sources import Sources


def main(arguments: list[str] | None = None) -> int:
    """Ask everybody at once, show, and say by the exit code how it is."""
    parser = argparse.ArgumentParser("python -m infra.status", description=__doc__)
    parser.add_argument("--stack", default="dev", help="the environment (default: dev)")
    parser.add_argument("--reports", type=Path, default=Path("build/campaigns"), help="where campaigns' reports are")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    options = parser.parse_args(arguments)
    file = paths.outputs_file(options.stack)
    try:
        outputs = json.loads(file.read_text())
    except FileNotFoundError:
        print(f"{options.stack} is not deployed from here: there is no {file} (`make up`, `make deploy`)")
        return 2
    sources = Sources(outputs, {**os.environ, **environment.variables(os.environ)})
    asked = all_sections(options.reports)
    with ThreadPoolExecutor(len(asked)) as pool:
        sections = list(pool.map(lambda one: answer(one[0], one[1], sources), asked))
    if options.json:
        print(screen.as_json(options.stack, sections))
    else:
        screen.show(options.stack, sections)
    return int(screen.worst(sections))


if __name__ == "__main__":
    sys.exit(main())
