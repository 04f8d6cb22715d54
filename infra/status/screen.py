"""The sections on a terminal, or as JSON."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.status.finding import Level, Section

MARKS = {Level.WELL: ("✓", "green"), Level.WRONG: ("✗", "bold red"), Level.UNKNOWN: ("?", "yellow")}
WORDS = {Level.WELL: "all is well", Level.WRONG: "something is wrong", Level.UNKNOWN: "not all is known"}
WIDTH = 120  # where the output is no terminal


def worst(sections: Sequence[Section]) -> Level:
    """Wrong is worse than unknown."""
    levels = {finding.level for section in sections for finding in section.findings}
    return next((level for level in (Level.WRONG, Level.UNKNOWN) if level in levels), Level.WELL)


def show(stack: str, sections: Sequence[Section]) -> None:
    """Print them."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    table = Table(box=None, show_header=False, pad_edge=False)
    for section in sections:
        title = section.title
        for finding in section.findings:
            mark, style = MARKS[finding.level]
            table.add_row(Text(title, "bold"), Text(mark, style), finding.what, Text(finding.text))
            title = ""
    console.print(table)
    level = worst(sections)
    console.print(Text(f"{MARKS[level][0]} {stack}: {WORDS[level]}", MARKS[level][1]))


def as_json(stack: str, sections: Sequence[Section]) -> str:
    """For programs: the same lines."""
    return json.dumps(
        {
            "environment": stack,
            "level": worst(sections).name.lower(),
            "sections": {
                section.title: [
                    {"level": one.level.name.lower(), "what": one.what, "text": one.text} for one in section.findings
                ]
                for section in sections
            },
        },
        indent=1,
    )
