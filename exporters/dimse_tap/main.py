"""The console script `dimse-tap`."""

import argparse
import resource
import signal
import ssl
import sys
from pathlib import Path

import structlog

from exporters import addresses, logs
from exporters.dimse_tap.labels import AeTitles
from exporters.dimse_tap.metrics import Metrics
from exporters.dimse_tap.relay import Relay
from exporters.dimse_tap.web import Web

# how long a thread may hold the interpreter while another waits: a scrape must not hold up the relay (default 5 ms)
SWITCH_SECONDS = 0.0002
ADDRESS = "[HOST]:PORT"


def main(arguments: list[str] | None = None) -> int:
    """Relay until SIGTERM or SIGINT and the last association's end; 0 then, 1 if it can't begin or had to cut some."""
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        certificates = _Certificates(options) if options.tls_certificate else None
        metrics = Metrics(AeTitles(options.known_ae_titles, options.max_ae_titles))
        relay = Relay(
            options.listen,
            options.to,
            metrics,
            proxy=options.proxy_protocol,
            tls=certificates.context if certificates else None,
            drain_seconds=options.drain_seconds,
            congestion_control=options.congestion_control,
        )
        web = Web(options.web_listen, metrics, relay, options.drain_seconds)
    except (OSError, ValueError) as error:
        print(f"dimse-tap can't begin: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: relay.leave())
    if certificates:
        signal.signal(signal.SIGHUP, lambda *_: certificates.load())
    web.start()
    structlog.get_logger().info("relaying", listen=relay.address, to=options.to, web=web.server_address[:2])
    cut = relay.run()
    web.shutdown()
    return 1 if cut else 0


class _Certificates:
    """The context of new connections; `load` reads the files anew and keeps what there is if they are wrong."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._context = self._read()

    def context(self) -> ssl.SSLContext:
        return self._context

    def load(self) -> None:
        try:
            self._context = self._read()
        except (OSError, ValueError) as error:
            structlog.get_logger().error("the certificates stay as they were", reason=str(error))

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # BCP 195, PS3.15 annex B.9
        for option in ("tls_certificate", "tls_key", "tls_client_ca"):
            path = getattr(self._options, option)
            if path is not None and not path.is_file():
                raise ValueError(f"--{option.replace('_', '.', 1).replace('_', '-')} {path}: there is no such file")
        context.load_cert_chain(self._options.tls_certificate, self._options.tls_key)
        if self._options.tls_client_ca:
            context.load_verify_locations(self._options.tls_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _titles(text: str) -> list[str]:
    return [title.strip() for title in text.split(",") if title.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "dimse-tap",
        description="Relay DICOM associations byte for byte to an archive, and time every DIMSE operation in them.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    relay = parser.add_argument_group("relay")
    relay.add_argument(
        "--listen",
        default=":4242",
        help="where senders connect; port 0: any free one",
        type=addresses.argument_ipv4,
        metavar=ADDRESS,
    )
    relay.add_argument("--to", required=True, help="the archive", type=addresses.argument_ipv4, metavar=ADDRESS)
    relay.add_argument("--proxy-protocol", action="store_true", help="senders' addresses come in PROXY heads (v1, v2)")
    relay.add_argument(
        "--congestion-control",
        default="",
        metavar="NAME",
        help="of connections to the archive (tcp(7)), reno where it is local: pacing costs; empty: the system's",
    )
    relay.add_argument(
        "--drain-seconds", type=float, default=50.0, metavar="SECONDS", help="grace of associations after SIGTERM"
    )
    tls = parser.add_argument_group("TLS, ended here; SIGHUP reads the files anew")
    tls.add_argument("--tls.certificate", dest="tls_certificate", type=Path, metavar="FILE", help="PEM, with its chain")
    tls.add_argument("--tls.key", dest="tls_key", type=Path, metavar="FILE", help="PEM; default: in the certificate's")
    tls.add_argument("--tls.client-ca", dest="tls_client_ca", type=Path, metavar="FILE", help="senders must have one")
    labels = parser.add_argument_group("labels")
    labels.add_argument(
        "--known-ae-titles", type=_titles, default=[], metavar="A,B", help="AE titles that have series from the start"
    )
    labels.add_argument(
        "--max-ae-titles", type=int, default=64, metavar="N", help="AE titles with series; others are `other`"
    )
    web = parser.add_argument_group("web")
    web.add_argument(
        "--web.listen-address",
        dest="web_listen",
        default=":9881",
        type=addresses.argument_ipv4,
        metavar=ADDRESS,
        help="/metrics, /-/healthy, /-/drain",
    )
    logs.add_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
