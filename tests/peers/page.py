"""The page as its image serves it: nginx as it is deployed, the site and uPlot, before given addresses."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import paths
from infra.components.nginx import configuration
from infra.dashboards.generated_files import VIEWS
from infra.images import npm, recipe
from infra.images.progress import Commands
from tests.peers.seaweedfs import free_ports
from tests.peers.waiting import until

REPOSITORY = Path(__file__).parents[2]
SETTINGS = {"environment": "test", "calling": "VNAOPS_LOAD", "scrapeSeconds": 15}


def site(folder: Path) -> Path:
    """The folder that the image serves, made as its Containerfile makes it; uPlot is from the image builds' cache."""
    page = recipe.load(REPOSITORY)["page"]
    cache = paths.cache_dir() / "images/npm"
    modules = npm.fetch(page, REPOSITORY, cache, Commands(lambda line: None), folder / "npm.log")
    served = folder / "site"
    shutil.copytree(REPOSITORY / page.folder / "site", served)
    for file in (VIEWS, modules / "uplot/dist/uPlot.esm.js", modules / "uplot/dist/uPlot.min.css"):
        shutil.copy(file, served)
    return served


@contextmanager
def page(folder: Path, prometheus: str, alertmanager: str) -> Iterator[str]:
    """Serves it on the loopback; its address. `prometheus` and `alertmanager` are HOST:PORT, running or not."""
    (port,) = free_ports(1)
    environment, scratch = folder / "environment.json", folder / "scratch"
    environment.write_text(json.dumps(SETTINGS))
    scratch.mkdir(exist_ok=True)
    written = folder / "nginx.conf"
    written.write_text(
        configuration(
            port=port,
            root=str(site(folder)),
            environment_file=str(environment),
            prometheus=prometheus,
            alertmanager=alertmanager,
            scratch=str(scratch),
        )
    )
    address = f"http://127.0.0.1:{port}"
    # nobody's files are served by nobody: as root, nginx would give its workers another user
    command = ["nginx", "-e", "stderr", "-g", "user root;", "-c", str(written)]
    with subprocess.Popen(command) as process:
        try:
            until(f"{address}/healthy", process)
            yield address
        finally:
            process.terminate()
