"""What all users of a campaign have in common."""

from collections.abc import Iterable

from locust import User, task
from locust.exception import StopUser

from loadtests.campaigns.work import Campaign
from loadtests.dataset import Fingerprint
from loadtests.transactions import RequestFailed

RETRY_SECONDS = 1.0  # before the next attempt where nobody took a request; a replica leaves the balancer within ten


class CampaignUser(User):
    """Works until the campaign has no more work for it. Subclasses say what in `work`."""

    abstract = True

    @property
    def campaign(self) -> Campaign:
        """The campaign that was hung to Locust's environment."""
        campaign: Campaign = self.environment.campaign
        return campaign

    def work(self) -> None:
        """Do all of it."""
        raise NotImplementedError

    @task
    def _work(self) -> None:
        self.work()
        raise StopUser

    def report(
        self, operation: str, seconds: float, *, instances: int = 0, size: int = 0, error: RequestFailed | None = None
    ) -> None:
        """Tell Locust of a DIMSE operation."""
        self.environment.events.request.fire(
            request_type="DIMSE",
            name=operation,
            response_time=seconds * 1000,
            response_length=size,
            exception=error,
            context={**self.context(), "instances": instances, "bytes": size},
        )


def compared(expected: dict[str, str], came: Iterable[Fingerprint]) -> RequestFailed | None:
    """What is wrong with what came back, if anything; instances that nobody has expected are let pass.

    (They are there: sent, and stored without an acknowledgement.)
    """
    hashes = {one.sop_instance_uid: one.pixel_sha256 for one in came}
    if any(uid in hashes and hashes[uid] != pixel_sha256 for uid, pixel_sha256 in expected.items()):
        return RequestFailed("returned other bytes than were stored")
    if expected.keys() - hashes.keys():
        return RequestFailed("returned fewer instances than were stored")
    return None
