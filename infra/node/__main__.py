"""`python -m infra.node up|down|status|wipe|registry|kill N|start N`: the embedded Kubernetes."""

import argparse
import json
import signal
import sys

from infra.node.cluster import Cluster, say
from infra.node.errors import NodeError
from infra.node.layout import NODES


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m infra.node", description="The embedded Kubernetes of this machine.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start what doesn't run; on a running node it changes nothing")
    up.add_argument(
        "--nodes", type=int, choices=NODES, default=None, help="how many nodes (default: as many as there are, else 1)"
    )
    commands.add_parser("down", help="stop everything and leave nothing behind; data stays")
    status = commands.add_parser("status", help="what runs; exit status 0 if all of it does")
    status.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("wipe", help="stop everything and delete the data too")
    commands.add_parser("registry", help="start the image registry only")
    for name, text in (("kill", "let a node die at once"), ("start", "bring a dead node back")):
        drill = commands.add_parser(name, help=text)
        drill.add_argument("number", type=int, choices=range(NODES[0], NODES[1] + 1), help="which node")
    return top


def show_status(cluster: Cluster, as_json: bool) -> int:
    """Prints the status; 0 if all runs, 1 otherwise."""
    status = cluster.status()
    if as_json:
        say(json.dumps(status, indent=1))
    else:
        say(f"nodes:   {', '.join(status['nodes']) or 'none'}")
        say(f"running: {', '.join(status['running']) or 'nothing'}")
        if status["missing"] and status["running"]:
            say(f"missing: {', '.join(status['missing'])}: python -m infra.node up")
    return 0 if status["up"] else 1


def run(arguments: argparse.Namespace) -> int:
    """One command; its exit status."""
    cluster = Cluster.here()
    match arguments.command:
        case "up":
            cluster.up(arguments.nodes or max(len(cluster.layout.known()), 1))
        case "down":
            cluster.down()
        case "status":
            return show_status(cluster, arguments.json)
        case "wipe":
            cluster.wipe()
        case "registry":
            cluster.registry()
        case "kill":
            cluster.on_machine(arguments.number, cluster.kill_machine)
        case "start":
            cluster.on_machine(arguments.number, cluster.start_machine)
    return 0


def main() -> None:
    """Ends with 0, 1 (the reason is one line), or 130 (interrupted: the same command carries on)."""
    arguments = parser().parse_args()
    try:
        sys.exit(run(arguments))
    except NodeError as error:
        sys.exit(f"✗ {error}")
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("interrupted: repeat the command, what is done is kept")
        sys.exit(130)


if __name__ == "__main__":
    main()
