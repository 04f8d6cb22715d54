"""HAProxy's configuration as text: which replica takes an association or a request, and who counts as alive.

A replica is alive when its readiness route answers 200 (it tries the index and the bucket) and a real C-ECHO succeeds;
every backend follows that one check. With one writer, a store goes to the replica that stores already, until that one
fails; then the next takes over and stays (`stick on int(1)`: a returning replica does not take the writing back, since
two writers at once make orthanc-postgresql before 6.0 retry transactions).
"""

from collections.abc import Sequence

from infra.components.dicom_check import (
    ASSOCIATE_ACCEPTED,
    ECHO_SUCCESS,
    RELEASE_REQUEST,
    RELEASED,
    associate_request,
    echo_request,
)
from infra.components.http_routes import OTHER, ROUTES, TEST_DELETE, TEST_STUDIES
from infra.settings import Writers

DICOM, DICOM_TLS, HTTPS, METRICS = 11112, 2762, 8443, 8404
HTTP_BACKENDS = ("http_readers", "http_writers", "https")  # `https`: answered by the front door itself
CERTIFICATE = "/run/secrets/tls/tls.pem"

_GLOBAL = f"""\
global
    log stdout format raw local0 info
    maxconn 4000
    tune.bufsize 65536 # an A-ASSOCIATE-RQ with 128 presentation contexts must fit whole
    hard-stop-after 30s
    ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
    log global
    timeout connect 3s
    timeout client 10m # a modality may keep an association open between two images
    timeout server 10m
    timeout check 2s
    timeout http-request 10s
    timeout queue 30s
    retries 2
    option redispatch
    option dontlognull
    option splice-auto # images go from socket to socket without a copy

resolvers cluster
    parse-resolv-conf
    accepted_payload_size 8192
    resolve_retries 2
    timeout resolve 1s
    timeout retry 1s
    hold valid 2s
    hold obsolete 2s

frontend metrics
    mode http
    bind :{METRICS}
    no log
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 200 content-type text/plain string "ok" if {{ path /healthy }}
    http-request deny deny_status 404
"""

_DICOM_LOG = (
    "client=%ci calling=%[capture.req.hdr(0)] backend=%b server=%s "
    "wait_ms=%Tw connect_ms=%Tc total_ms=%Tt read_bytes=%U sent_bytes=%B end=%ts"
)
# exporters/http_log_exporter/line.py reads it
_HTTP_LOG = (
    "client=%ci method=%HM status=%ST operation=%[var(txn.operation)] backend=%b server=%s "
    "request_ms=%TR queue_ms=%Tw connect_ms=%Tc response_ms=%Tr total_ms=%Ta "
    "received_bytes=%U sent_bytes=%B end=%ts"
)


def _operations(test_deletion: bool) -> str:
    """The route's name in place of the path, which can hold identifiers of a study and must stay out of every log."""
    rules = "".join(
        f"    http-request set-var(txn.operation) str({route.name}) if !{{ var(txn.operation) -m found }} "
        f"{{ method {' '.join(route.methods)} }} {{ path -m reg {route.path} }}\n"
        for route in ROUTES
        if test_deletion or route.name != TEST_DELETE
    )
    return f"{rules}    http-request set-var(txn.operation) str({OTHER}) unless {{ var(txn.operation) -m found }}\n"


def _frontends(test_deletion: bool, log: str | None) -> str:
    paths = "{ path_beg /dicom-web/ } or { path /wado }"
    if test_deletion:
        paths += f" or {{ path_beg {TEST_STUDIES}/ }} {{ method DELETE }}"
    # requests only (level info), by UDP: who doesn't take them costs no request any time
    lines = f"    log {log} format raw local0 info info\n" if log else ""
    return f"""\
# calling AE title, backend, replica, times and bytes: nothing of a patient is in an A-ASSOCIATE-RQ
frontend dicom
    mode tcp
    bind :{DICOM}
    bind :{DICOM_TLS} ssl crt {CERTIFICATE}
    log-format "dicom {_DICOM_LOG}"
    tcp-request inspect-delay 5s
    # offset 2 holds the PDU's length (PS3.8 section 9.3.2): wait for the whole A-ASSOCIATE-RQ
    tcp-request content capture req.payload(26,16) len 16 if {{ req.payload_lv(2,4) -m found }}
    tcp-request content accept if {{ req.payload_lv(2,4) -m found }}
    # proposes query/retrieve and no storage class: a reader, and reads go to all replicas
    acl storage req.payload_lv(2,4) -m sub 1.2.840.10008.5.1.4.1.1.
    acl query req.payload_lv(2,4) -m sub 1.2.840.10008.5.1.4.1.2.
    use_backend dicom_readers if query !storage
    default_backend dicom_writers

frontend https
    mode http
    bind :{HTTPS} ssl crt {CERTIFICATE} alpn h2,http/1.1
    log-format "http {_HTTP_LOG}"
{lines}{_operations(test_deletion)}    http-request auth realm vnaops unless {{ http_auth(clients) }}
    http-request deny deny_status 404 unless {paths}
    http-request del-header authorization
    # DICOMweb answers hold addresses to fetch from: the ones that the client can reach (RFC 7239)
    http-request set-header Forwarded "host=%[req.hdr(host)];proto=https"
    use_backend http_writers if !{{ method GET HEAD OPTIONS }}
    default_backend http_readers
"""


def _check(calling: str, called: str, dicom_port: int, http_port: int, tap: bool) -> str:
    steps = (
        f"connect port {http_port}",
        r'send "GET /ready HTTP/1.0\r\nHost: archive\r\n\r\n"',
        # to the end of the body: Orthanc logs an error for every answer that isn't taken whole
        r'expect rstring "(?s)^HTTP/1\.[01] 200.*\}"',
        f"connect port {dicom_port}{' send-proxy' if tap else ''}",
        f"send-binary {associate_request(calling, called).hex()}",
        f"expect rbinary ^{ASSOCIATE_ACCEPTED.hex().upper()}",
        f"send-binary {echo_request().hex()}",
        f"expect binary {ECHO_SUCCESS.hex()}",
        f"send-binary {RELEASE_REQUEST.hex()}",
        f"expect rbinary ^{RELEASED.hex().upper()}",
    )
    return "    option tcp-check\n" + "".join(f"    tcp-check {step}\n" for step in steps)


def users(username: str, password: str) -> str:
    """The user list, a file of its own since it holds the password."""
    return f"userlist clients\n    user {username} insecure-password {password}\n"


def configuration(
    hosts: Sequence[str],
    *,
    writers: Writers,
    calling: str,
    called: str,
    dicom_port: int,
    http_port: int,
    tap: bool = False,
    test_deletion: bool = False,
    log: str | None = None,
) -> str:
    """haproxy.cfg for these replicas; `calling` and `called` are the AE titles of the health check's C-ECHO.

    `tap`: taps stand before the replicas and are told who calls (PROXY protocol). `test_deletion` lets DELETE of a
    test patient's study through to the archive, which checks whose study it is. `log` is where a line per HTTP
    transaction goes besides standard output (UDP, HOST:PORT).
    """

    def servers(port: int, options: str, backup: bool = False) -> str:
        return "".join(
            f"    server archive-{i} {host}:{port} {options.format(i=i)}{' backup' if backup and i else ''}\n"
            for i, host in enumerate(hosts)
        )

    single = writers is Writers.ONE
    # one entry that never expires: the replica that writes now
    stick = "    stick-table type integer size 1 nopurge\n    stick on int(1)\n" if single else ""
    follow = "    stick on int(1) table dicom_writers\n" if single else ""
    # not init-addr libc: look-ups of 20 s each, one after the other, held up the start where names were not served yet
    proxy = " send-proxy-v2" if tap else ""
    common = "resolvers cluster init-addr none on-marked-down shutdown-sessions"
    check = f"{common} check inter 1s fastinter 500ms fall 2 rise 2"
    track = f"{common} track dicom_writers/archive-{{i}}"
    backends = (
        "backend dicom_writers\n    mode tcp\n    balance leastconn\n"
        + stick
        + _check(calling, called, dicom_port, http_port, tap)
        + servers(dicom_port, check + proxy, backup=single),
        "backend dicom_readers\n    mode tcp\n    balance leastconn\n" + servers(dicom_port, track + proxy),
        "backend http_writers\n    mode http\n    balance leastconn\n"
        + follow
        + servers(http_port, track, backup=single),
        "backend http_readers\n    mode http\n    balance leastconn\n" + servers(http_port, track),
    )
    return "\n".join((_GLOBAL, _frontends(test_deletion, log), *backends))
