"""Packages exporters and loadtests with all their data files, by what pyproject.toml says of the project.

pyproject.toml itself can't serve here: it names the README and the licences, and an edit of those is no new image.
"""

import tomllib
from pathlib import Path

from setuptools import find_packages, setup  # type: ignore[import-untyped] # ships no types

project = tomllib.loads(Path("project.toml").read_text())["project"]
setup(
    name=project["name"],
    version=project["version"],
    packages=find_packages(include=["exporters*", "loadtests*"]),
    package_data={"": ["*", "**/*"]},
    entry_points={"console_scripts": [f"{name} = {target}" for name, target in project["scripts"].items()]},
)
