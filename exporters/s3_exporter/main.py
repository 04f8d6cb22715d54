"""The console script `s3-exporter`."""

import argparse
import signal
import sys
import threading
from pathlib import Path

import prometheus_client
import structlog

from exporters import configuration, logs
from exporters.addresses import listen_address
from exporters.s3_exporter.config import Config
from exporters.s3_exporter.metrics import Metrics
from exporters.s3_exporter.watch import Watch


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 0 then, 1 for a bad file or an address that can't be had."""
    parser = argparse.ArgumentParser(
        "s3-exporter",
        description="Measure an S3 endpoint by a canary bucket, and compare its buckets with their declaration.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config.file", dest="config_file", type=Path, required=True, metavar="FILE", help="YAML")
    parser.add_argument("--config.check", dest="check", action="store_true", help="check the files and end")
    parser.add_argument("--declaration.file", dest="declaration", type=Path, required=True, metavar="FILE", help="JSON")
    parser.add_argument("--web.listen-address", dest="listen", default=":9883", metavar="[HOST]:PORT", help="/metrics")
    logs.add_option(parser)
    options = parser.parse_args(arguments)
    logs.configure(options.log_level)
    metrics = Metrics()
    try:
        watch = Watch(configuration.load(options.config_file, Config), options.declaration, metrics)
        try:
            host, port = listen_address(options.listen)
        except ValueError as error:
            raise configuration.ConfigError(f"--web.listen-address {error}") from None
        if options.check:
            print(f"{options.config_file}, {options.declaration}: correct")
            return 0
        server, _ = prometheus_client.start_http_server(port, host or "0.0.0.0", metrics.registry)  # noqa: S104
    except (configuration.ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    watch.start()
    structlog.get_logger().info("listening", address=list(server.server_address[:2]))
    ended.wait()
    watch.stop.set()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
