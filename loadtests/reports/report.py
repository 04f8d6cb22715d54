"""The result of a campaign as numbers and verdicts; how they are shown is somebody else's."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from loadtests.analysis.columns import Columns
from loadtests.analysis.summary import Summary, summarise
from loadtests.campaigns.plan import Operation, Plan
from loadtests.environment import Environment
from loadtests.transactions import Transaction
from loadtests.verify import Verification

SCHEMA = "vnaops.campaign/1"


@dataclass(frozen=True)
class Check:
    """One threshold and what was measured."""

    name: str
    limit: str
    measured: str
    passed: bool


@dataclass(frozen=True)
class Report:
    """All that is reported."""

    plan: Plan
    environment: Environment
    run: str
    started: datetime
    transactions: tuple[Transaction, ...]
    integrity: Verification
    interrupted: bool = False
    users_died: int = 0
    generator: dict[str, str] = field(default_factory=dict)

    @cached_property
    def operations(self) -> dict[str, Summary]:
        """Per operation that was done, in the order of the standard's names here."""
        by_name: dict[str, list[Transaction]] = {str(name): [] for name in Operation}
        for one in self.transactions:
            by_name.setdefault(one.operation, []).append(one)
        return {name: summarise(Columns.of(done)) for name, done in by_name.items() if done}

    @property
    def seconds(self) -> float:
        """How long there was load."""
        return max((one.end for one in self.transactions), default=0.0)

    @cached_property
    def checks(self) -> list[Check]:
        """The thresholds of the plan, and that nothing was lost or changed."""
        found = [
            check for name, limits in self.plan.thresholds.items() for check in _checks(name, limits, self._of(name))
        ]
        integrity = self.integrity
        measured = f"{integrity.identical} of {integrity.acknowledged} identical"
        found.append(Check("acknowledged instances found unchanged", "all", measured, integrity.passed))
        if self.users_died:
            found.append(Check("users that died of an error of their own", "0", str(self.users_died), passed=False))
        return found

    @property
    def passed(self) -> bool:
        """Whether it ran to its end within every threshold, with nothing lost."""
        return not self.interrupted and all(check.passed for check in self.checks)

    @property
    def verdict(self) -> str:
        """One word."""
        return "interrupted" if self.interrupted else "passed" if self.passed else "failed"

    def as_dict(self) -> dict[str, Any]:
        """The JSON report. Times in seconds, sizes in bytes; no secret is in it."""
        web, dicom = self.environment.dicom_web, self.environment.dicom
        return {
            "schema": SCHEMA,
            "campaign": self.plan.name,
            "title": self.plan.title,
            "verdict": self.verdict,
            "run": self.run,
            "started": self.started.isoformat(timespec="seconds"),
            "duration_seconds": round(self.seconds, 3),
            "operations": {name: _operation(summary) for name, summary in self.operations.items()},
            "integrity": self.integrity.as_dict(),
            "thresholds": [check.__dict__ for check in self.checks],
            "release": self.environment.release,
            "environment": {
                "namespace": self.environment.namespace,
                "dicom": {"host": dicom.host, "port": dicom.port, "ae_title": dicom.ae_title},
                "dicomweb": web.url,
            },
            "plan": self.plan.model_dump(mode="json", exclude_none=True),
            "generator": self.generator,
        }

    def _of(self, name: str) -> Summary:
        return self.operations.get(name) or summarise(Columns.of([]))


def _operation(summary: Summary) -> dict[str, Any]:
    return {
        "count": summary.count,
        "failures": summary.failures,
        "unknown": summary.unknown,
        "instances": summary.instances,
        "bytes": summary.size,
        "active_seconds": round(summary.active_seconds, 6),
        "instances_per_second": round(summary.instances_per_second, 3),
        "bytes_per_second": round(summary.bytes_per_second, 1),
        "latency_seconds": {name: round(value, 6) for name, value in summary.latency.items()},
        "errors": summary.errors,
    }


def _checks(name: str, limits: Any, summary: Summary) -> list[Check]:
    found = []
    for kind in ("failures", "unknown"):
        limit = getattr(limits, kind)
        if limit is not None:
            count = getattr(summary, kind)
            found.append(Check(f"{name} {kind}", f"≤ {limit}", str(count), count <= limit and summary.count > 0))
    for quantile in ("p50", "p95", "p99"):
        limit = getattr(limits, f"{quantile}_seconds")
        if limit is not None:
            value = summary.latency.get(quantile)
            measured = "nothing measured" if value is None else f"{value:.3g} s"
            found.append(Check(f"{name} {quantile}", f"≤ {limit:g} s", measured, value is not None and value <= limit))
    if limits.instances_per_second is not None:
        rate = summary.instances_per_second
        limit = limits.instances_per_second
        found.append(Check(f"{name} instances/s", f"≥ {limit:g}", f"{rate:.1f}", rate >= limit))
    return found
