"""How far a campaign is, of all its processes together: one line for whoever waits."""

from dataclasses import dataclass, field
from typing import Any

from loadtests.campaigns.plan import Plan
from loadtests.transactions import Recorder


@dataclass(slots=True)
class Sessions:
    """Of one stream, so far."""

    offered: int = 0
    """Ought to have begun."""
    begun: int = 0
    ended: int = 0

    @property
    def late(self) -> int:
        """Ought to have begun and have not: all users were busy."""
        return max(0, self.offered - self.begun)


@dataclass
class Progress:
    """What the processes have told last."""

    plan: Plan
    _told: dict[int, dict[str, Any]] = field(default_factory=dict)
    _shown: dict[str, int] = field(default_factory=dict)
    _shown_at: float = 0.0

    def take_in(self, data: dict[str, Any]) -> None:
        """A process's message."""
        self._told[data["worker"]] = data

    def complete(self, workers: int) -> bool:
        """Whether no process stores any more."""
        return len(self._told) == workers and all(one["complete"] for one in self._told.values())

    @property
    def users(self) -> int | None:
        """Users at work; None before anybody has said so."""
        return sum(one["users"] for one in self._told.values()) if self._told else None

    def streams(self) -> dict[str, Sessions]:
        """Of each stream, over all processes."""
        found = {stream.name: Sessions() for stream in self.plan.streams}
        for told in self._told.values():
            for name, (offered, begun, ended) in told["streams"].items():
                one = found[name]
                one.offered, one.begun, one.ended = one.offered + offered, one.begun + begun, one.ended + ended
        return found

    def sessions(self) -> Sessions:
        """Of all streams together."""
        every = self.streams().values()
        return Sessions(*(sum(getattr(one, name) for one in every) for name in ("offered", "begun", "ended")))

    def as_dict(self) -> dict[str, Any]:
        """Per stream: sessions that ought to have begun, have begun, have ended."""
        return {
            name: {"offered": one.offered, "begun": one.begun, "ended": one.ended}
            for name, one in self.streams().items()
        }

    def line(self, recorder: Recorder, elapsed: float) -> str:
        """Rates since the last line, counts since the beginning."""
        sessions, before, seconds = self.sessions(), self._shown, max(elapsed - self._shown_at, 1e-3)
        figures = recorder.running.values()
        now = {
            "offered": sessions.offered,
            "done": sessions.ended,
            "instances": sum(one.instances for one in figures),
            "size": sum(one.size for one in figures),
        }
        rate = {name: (now[name] - before.get(name, 0)) / seconds for name in now}
        self._shown, self._shown_at = now, elapsed
        return (
            f"{elapsed:5.0f} s  offered {rate['offered']:.1f}/s, done {rate['done']:.1f}/s, "
            f"in flight {sessions.begun - sessions.ended}, late {sessions.late}  "
            f"{rate['instances']:.0f} instances/s, {rate['size'] / 1e6:.1f} MB/s  "
            f"{sum(one.failures for one in figures)} failed, {sum(one.unknown for one in figures)} unknown  "
            f"{max(0.0, self.plan.seconds - elapsed):.0f} s left"
        )
