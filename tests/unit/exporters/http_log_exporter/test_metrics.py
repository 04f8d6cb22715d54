"""What lines come to: labels of a fixed number, every line counted once."""

import os
import socket
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exporters.http_log_exporter.metrics import Metrics
from exporters.http_log_exporter.receiver import Dropped, Receiver, bound
from tests.unit.exporters.http_log_exporter.lines import line


def metrics() -> Metrics:
    return Metrics(["wado-rs-frames", "stow-rs"], ["http_readers", "http_writers"])


def value(of: Metrics, name: str, **labels: str) -> float | None:
    return of.registry.get_sample_value(name, labels)


def test_a_transaction_is_in_every_metric_once() -> None:
    counted = metrics()
    counted.line(line())
    labels = {"operation": "wado-rs-frames", "status_class": "2xx", "backend": "http_readers"}
    assert value(counted, "http_transactions_duration_seconds_count", **labels) == 1
    assert value(counted, "http_transactions_duration_seconds_sum", **labels) == 0.25
    assert value(counted, "http_transactions_first_byte_seconds_sum", operation="wado-rs-frames") == 0.04
    assert value(counted, "http_transactions_bytes_total", operation="wado-rs-frames", direction="received") == 310
    assert value(counted, "http_transactions_bytes_total", operation="wado-rs-frames", direction="sent") == 526000
    assert value(counted, "http_log_exporter_lines_total", result="transaction") == 1
    assert value(counted, "http_log_exporter_lines_total", result="malformed") == 0


def test_a_malformed_line_is_counted_and_nothing_else_changes() -> None:
    counted = metrics()
    before = generate_latest(counted.registry).splitlines()
    counted.line(b"http status=200")
    changed = set(generate_latest(counted.registry).splitlines()) - set(before)
    assert {one for one in changed if not one.startswith(b"process_")} == {
        b'http_log_exporter_lines_total{result="malformed"} 1.0'
    }


def test_failures_are_there_at_nought_before_the_first_of_them() -> None:
    counted = metrics()
    counted.line(line())
    labels = {"operation": "wado-rs-frames", "status_class": "5xx", "backend": "http_readers"}
    assert value(counted, "http_transactions_duration_seconds_count", **labels) == 0


def test_names_that_nobody_declared_are_one_series_however_many_they_are() -> None:
    counted = metrics()
    for number in range(1000):
        counted.line(line(operation=f"1.2.840.{number}", backend=f"backend-{number}"))
    text = generate_latest(counted.registry).decode()
    assert "1.2.840" not in text
    assert "backend-" not in text
    labels = {"operation": "other", "status_class": "2xx", "backend": "other"}
    assert value(counted, "http_transactions_duration_seconds_count", **labels) == 1000


def test_the_exposition_is_one_that_prometheus_reads() -> None:
    counted = metrics()
    counted.line(line())
    families = {one.name for one in text_string_to_metric_families(generate_latest(counted.registry).decode())}
    assert {
        "http_transactions_duration_seconds",
        "http_transactions_first_byte_seconds",
        "http_transactions_bytes",
    } < families


def test_dropped_lines_are_what_the_kernel_says_of_this_socket(tmp_path: Path) -> None:
    table = tmp_path / "udp"
    head = (
        "  sl local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops\n"
    )
    row = "  {}: 0100007F:252A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 {} 2 0 {}\n"
    table.write_text(head + row.format(1, 4711, 3) + row.format(2, 4712, 99))
    (family,) = Dropped(4711, table).collect()
    assert [(one.name, one.value) for one in family.samples] == [("http_log_exporter_dropped_lines_total", 3)]
    assert list(Dropped(4713, table).collect()) == []
    assert list(Dropped(4711, tmp_path / "none").collect()) == []


def test_every_line_is_taken_or_counted_as_dropped() -> None:
    counted, sent = metrics(), 2000
    with bound("127.0.0.1", 0) as lines, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        lines.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the kernel's least: room for two or three
        for _ in range(sent):
            sender.sendto(line(), lines.getsockname())
        Receiver(lines, counted.line).take()
        (family,) = Dropped(os.fstat(lines.fileno()).st_ino).collect()
    taken = value(counted, "http_log_exporter_lines_total", result="transaction")
    dropped = family.samples[0].value
    assert taken
    assert dropped
    assert taken + dropped == sent


def test_one_turn_takes_all_lines_that_are_there() -> None:
    counted = metrics()
    with bound("127.0.0.1", 0) as lines, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(100):
            sender.sendto(line(), lines.getsockname())
        Receiver(lines, counted.line).take()
    assert value(counted, "http_log_exporter_lines_total", result="transaction") == 100
