"""An association that is kept from one session of a user to the next, opened again when it is lost or too narrow."""

from contextlib import suppress

from loadtests.engine.errors import ScuError
from loadtests.engine.scu import Scu, Target
from loadtests.profiles.study import Study

Context = tuple[str, str]
"""SOP class and transfer syntax."""


class KeptAssociation:
    """For one user."""

    def __init__(self) -> None:
        self._scu: Scu | None = None
        self._offered: set[Context] = set()
        self._study: Study | None = None

    def for_study(self, target: Target, study: Study) -> Scu:
        """The association, if it takes the study's SOP classes; else a new one that takes those of the former too.

        Raises:
            ScuError: there is none.
        """
        if self._scu is not None and study is self._study:
            return self._scu  # asked for each instance, and the SOP classes of a study take a while to find
        wanted = {(sop_class, study.profile.transfer_syntax) for sop_class in study.sop_classes()}
        if self._scu is None or not wanted <= self._offered:
            self.close()
            self._offered |= wanted
            self._scu = Scu(target, [(sop_class, [syntax]) for sop_class, syntax in sorted(self._offered)])
        self._study = study
        return self._scu

    def drop(self) -> None:
        """It is of no more use."""
        if self._scu is not None:
            self._scu.abort()
            self._scu = None

    def close(self) -> None:
        """Release it."""
        if self._scu is not None:
            with suppress(ScuError):  # all that was sent has been answered
                self._scu.release()
            self._scu = None
