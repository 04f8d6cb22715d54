"""HAProxy's configuration: what is said to it; that it does what it says is measured in tests/e2e."""

import re

import pytest

from infra.components import haproxy
from infra.settings import Writers

HOSTS = ["archive-0.example", "archive-1.example", "archive-2.example"]


def text(writers: Writers) -> str:
    return haproxy.configuration(
        HOSTS, writers=writers, calling="BALANCER", called="VNAOPS", dicom_port=4242, http_port=8042
    )


def backend(configuration: str, name: str) -> str:
    return re.split(r"\n(?=backend|frontend)", configuration.split(f"\nbackend {name}\n")[1])[0]


@pytest.mark.parametrize("name", ["dicom_writers", "http_writers"])
def test_with_one_writer_the_others_wait_for_their_turn(name: str) -> None:
    servers = re.findall(r"server archive-\d .*", backend(text(Writers.ONE), name))
    assert [s.endswith(" backup") for s in servers] == [False, True, True]


@pytest.mark.parametrize("name", ["dicom_writers", "http_writers"])
def test_with_all_writing_none_waits(name: str) -> None:
    part = backend(text(Writers.ALL), name)
    assert "backup" not in part
    assert "stick" not in part


@pytest.mark.parametrize("name", ["dicom_readers", "http_readers"])
def test_reads_go_to_all_replicas(name: str) -> None:
    part = backend(text(Writers.ONE), name)
    assert len(re.findall(r"server archive-\d ", part)) == len(HOSTS)
    assert "backup" not in part


def test_taps_are_told_who_calls_by_associations_and_by_checks_and_http_is_not() -> None:
    written = haproxy.configuration(
        HOSTS, writers=Writers.ONE, calling="BALANCER", called="VNAOPS", dicom_port=4242, http_port=8042, tap=True
    )
    assert written.count(" send-proxy-v2") == 2 * len(HOSTS)
    assert "connect port 4242 send-proxy\n" in written
    assert "send-proxy" not in backend(written, "http_readers")
    assert "send-proxy" not in text(Writers.ONE)


def test_the_users_and_only_they_are_in_the_secret_part() -> None:
    assert "geheim" in haproxy.users("vnaops", "geheim")
    assert "password" not in text(Writers.ONE)


def test_only_a_deletion_reaches_the_test_studies_and_only_where_it_is_opened() -> None:
    def doors(test_deletion: bool) -> str:
        written = haproxy.configuration(
            HOSTS,
            writers=Writers.ONE,
            calling="BALANCER",
            called="VNAOPS",
            dicom_port=4242,
            http_port=8042,
            test_deletion=test_deletion,
        )
        (line,) = re.findall(r"http-request deny deny_status 404 unless .*", written)
        return str(line)

    assert "test-studies" not in doors(False)
    assert doors(True) == doors(False) + " or { path_beg /test-studies/ } { method DELETE }"
