"""A colleague who was paged: executes the fenced commands of a runbook's section as they stand."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHELL = 'eval "$(make -s env)"; export ENV={stack}\n'


def commands(runbook: str, section: str = "Mitigation") -> str:
    """The section's commands in their order. Fails where it has none."""
    text = (ROOT / "runbooks" / f"{runbook}.md").read_text()
    found = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found, f"{runbook}.md has no section {section}"
    blocks = re.findall(r"^```bash\n(.*?)^```$", found[1], flags=re.MULTILINE | re.DOTALL)
    assert blocks, f"{runbook}.md has no commands under {section}"
    return "".join(blocks)


def follow(runbook: str, stack: str, section: str = "Mitigation", *, seconds: float = 540) -> str:
    """Executes them in the shell that runbooks/ speaks of; what they print. Fails at the first command that fails."""
    # the shell of somebody who comes fresh: nothing of the test's own environment of tools
    clean = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "VIRTUAL_ENV")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", SHELL.format(stack=stack) + commands(runbook, section)],
        cwd=ROOT,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{runbook}.md, {section}: exit {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout
