"""The cleaning of an archive: studies of test patients are found by their marks, looked at twice, and deleted.

The route is the archive's own (DICOMweb has none), and looks at the marks a third time. Dry run by default.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from locust.exception import StopUser

from loadtests.campaigns.plan import Operation
from loadtests.profiles.patient import is_test_patient
from loadtests.transactions import RequestFailed
from loadtests.users.dicomweb import DICOM_JSON, PeerError, value
from loadtests.users.http import HttpError
from loadtests.users.options import CleaningOptions
from loadtests.users.web_reader import SERIES_UID, STUDY_UID, WebReader

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival

PAGE = 100
_FIELDS = {"includefield": "00100010,00100020,00100021,00100200"}
_GONE = 404


class Cleaning(WebReader):
    """A session goes through all of them once."""

    def session(self, arrival: "Arrival") -> None:  # noqa: ARG002  (the signature of all behaviours)
        """Find, look, delete."""
        options, route = self.options(CleaningOptions), self.campaign.environment.test_deletion
        days = {}
        if options.older_than_days:
            last = datetime.now(UTC) - timedelta(days=options.older_than_days)
            days = {"StudyDate": f"-{last:%Y%m%d}"}
        found = self.query("studies", {"PatientID": options.patient_id, **days, **_FIELDS}, page=PAGE)
        marked = [uid for one in found or [] if (uid := _marked(one))]
        deleted = 0
        for uid in marked:
            if self.campaign.work.stopped:
                break
            if self._marked_inside(uid) and options.really and route is not None:
                deleted += self._delete(f"{route.url}/{uid}")
        said = f"{deleted} of them deleted" if options.really else "none deleted: `options: {really: true}` does it"
        print(f"cleaning: {len(marked)} studies of test patients found, {said}")
        raise StopUser

    def _marked_inside(self, study_uid: str) -> bool:
        """The second look: at one instance's own data set, in each series."""
        series = self.query(f"studies/{study_uid}/series", {})
        for each in series or []:
            path = f"studies/{study_uid}/series/{value(each, SERIES_UID)}"
            described = self.metadata(path, ())
            if not described or not all(_marked(one.data_set) and _controls(one.data_set) for one in described):
                return False
        return bool(series)

    def _delete(self, url: str) -> bool:
        started, failure, status = monotonic(), None, ""
        try:
            with self.request("DELETE", url, {"Accept": DICOM_JSON}) as answer:
                status = f"HTTP {answer.status}"
                answer.body(1 << 16)
                if answer.status not in (200, 204, _GONE):
                    raise PeerError(status)
        except (HttpError, PeerError) as error:
            failure = RequestFailed(error.kind)
        self.report(Operation.DELETE, started=started, ended=monotonic(), error=failure, status=status)
        return failure is None


def _marked(data_set: dict[str, Any]) -> str:
    """The study's UID, if its patient is one of ours; else nothing. What isn't understood isn't ours."""
    try:
        patient_id, uid = value(data_set, "00100020"), value(data_set, STUDY_UID)
        names = (data_set.get("00100010", {}).get("Value") or [{}])[0]
        name = "=".join((names.get("Alphabetic", ""), names.get("Ideographic", ""))).rstrip("=")
    except (PeerError, AttributeError, TypeError, IndexError, KeyError):
        return ""
    return uid if is_test_patient(patient_id, name) else ""


def _controls(data_set: dict[str, Any]) -> bool:
    """Whether Quality Control Subject (0010,0200) says so."""
    try:
        return value(data_set, "00100200") == "YES"
    except PeerError:
        return False
