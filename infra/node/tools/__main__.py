"""`python -m infra.node.tools`: what the host needs, made once; a second run takes seconds."""

import argparse
import signal
import sys
import time

from infra import paths
from infra.node.tools import debian, downloads, kubernetes_plugin, store
from infra.node.tools.catalogue import TOOLS, Tool
from infra.node.tools.downloads import Download
from infra.node.tools.ensure import choose, ensure
from infra.node.tools.errors import ToolError
from infra.node.tools.progress import say


def main() -> int:
    """0 when all that was asked for is there, 1 when something is missing, 130 or 143 when interrupted."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        configured = downloads.configured()
        tools = [tool for tool in TOOLS if not arguments.names or tool.name in arguments.names]
        if arguments.list:
            _list(tools, configured)
            return 0
        if arguments.only_packages:
            tools = []
        return _make(tools, configured, packages=not arguments.no_packages)
    except ToolError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted: nothing half-made was left")
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.node.tools",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Make the tools, link them into {paths.tools_bin()}, install missing Debian packages.",
        epilog=f"{downloads.VARIABLE}=FILE: {downloads.__doc__}",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"only these: {', '.join(tool.name for tool in TOOLS)} (default: all)"
    )
    parser.add_argument("--list", action="store_true", help="print what is used from where, and change nothing")
    parser.add_argument(
        "--no-packages", action="store_true", help="do not look after the Debian packages of infra/node/packages.txt"
    )
    parser.add_argument("--only-packages", action="store_true", help="look after the Debian packages and make no tool")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {tool.name for tool in TOOLS}:
        parser.error(f"no tool is named {', '.join(sorted(unknown))}")
    return arguments


def _make(tools: list[Tool], configured: dict[str, Download], *, packages: bool) -> int:
    began = time.monotonic()
    failures = []
    with store.locked():
        # What can be made is made, even where packages must be asked for first.
        if packages:
            try:
                if names := debian.missing(debian.wanted(debian.PACKAGES.read_text())):
                    debian.install(names)
            except ToolError as error:
                failures.append(error)
        for tool in tools:
            try:
                ensure(tool, configured)
            except ToolError as error:
                failures.append(error)
        if any(tool.name == "pulumi" for tool in tools) and (paths.tools_bin() / "pulumi").exists():
            kubernetes_plugin.ensure()
    for failure in failures:
        say(f"error: {failure}")
    if failures:
        return 1
    if tools:
        say(f"tools: all there in {time.monotonic() - began:.1f} s; put {paths.tools_bin()} on PATH")
    return 0


def _list(tools: list[Tool], configured: dict[str, Download]) -> None:
    for tool in tools:
        source = choose(tool, configured)
        there = source.kind == "PATH" or store.is_whole(tool, source.folder)
        print(f"{tool.name:12} {source.version:10} {source.kind:9} {source.folder if there else 'not made yet'}")
    if any(tool.name == "pulumi" for tool in tools):
        print(
            f"{'plug-in':12} {kubernetes_plugin.version():10} {kubernetes_plugin.kind():9} {kubernetes_plugin.folder()}"
        )


if __name__ == "__main__":
    sys.exit(main())
