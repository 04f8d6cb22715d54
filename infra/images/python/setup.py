"""Packages what lies beside it with all its data files, by what pyproject.toml says of the project.

pyproject.toml itself can't serve here: it names the README and the licences, and an edit of those is no new image.
"""

import tomllib
from pathlib import Path

from setuptools import find_packages, setup  # type: ignore[import-untyped] # ships no types

project = tomllib.loads(Path("project.toml").read_text())["project"]
packages = find_packages()
scripts = {name: target for name, target in project["scripts"].items() if target.partition(".")[0] in packages}
setup(
    name=project["name"],
    version=project["version"],
    packages=packages,
    package_data={"": ["*", "**/*"]},
    entry_points={"console_scripts": [f"{name} = {target}" for name, target in scripts.items()]},
)
