"""The routes of the HTTP front door by name: what is measured and logged in place of a path.

Names follow the services of DICOM PS3.18 (sections 8.2 and 10.3 to 10.6); the paths are those of Orthanc's DICOMweb.
"""

from dataclasses import dataclass

TEST_STUDIES = "/test-studies"  # the archive's own route (infra/archive/README.md), where the settings open it
TEST_DELETE = "test-delete"
OTHER = "other"


@dataclass(frozen=True)
class Route:
    """`path` is a regular expression of HAProxy (POSIX extended, PCRE where it is built with it)."""

    name: str
    methods: tuple[str, ...]
    path: str


_READ, _WRITE = ("GET", "HEAD"), ("POST",)
_ROOT, _ONE = "^/dicom-web", "[^/]+"
_STUDY = f"{_ROOT}/studies/{_ONE}"
_SERIES = f"{_STUDY}/series/{_ONE}"
_INSTANCE = f"{_SERIES}/instances/{_ONE}"
_END = "/?$"

ROUTES = (
    # renderings before what they are renderings of: the first match is the route
    Route("wado-rs-rendered", _READ, f"{_STUDY}(/.*)?/(rendered|thumbnail){_END}"),
    Route("wado-rs-frames", _READ, f"{_INSTANCE}/frames/{_ONE}{_END}"),
    Route("wado-rs-metadata", _READ, f"{_STUDY}(/.*)?/metadata{_END}"),
    Route("wado-rs-bulkdata", _READ, f"{_STUDY}(/.*)?/bulk(data)?/"),
    Route("wado-rs-instance", _READ, f"{_INSTANCE}{_END}"),
    Route("wado-rs-series", _READ, f"{_SERIES}{_END}"),
    Route("wado-rs-study", _READ, f"{_STUDY}{_END}"),
    Route("qido-rs-studies", _READ, f"{_ROOT}/studies{_END}"),
    Route("qido-rs-series", _READ, f"({_ROOT}|{_STUDY})/series{_END}"),
    Route("qido-rs-instances", _READ, f"({_ROOT}|{_STUDY}|{_SERIES})/instances{_END}"),
    Route("stow-rs", _WRITE, f"{_ROOT}/studies(/{_ONE})?{_END}"),
    Route("wado-uri", _READ, f"^/wado{_END}"),
    Route(TEST_DELETE, ("DELETE",), f"^{TEST_STUDIES}/"),
)
OPERATIONS = (*(route.name for route in ROUTES), OTHER)
