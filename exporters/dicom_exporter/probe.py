"""What one probe records: how long each phase took, what the peer said, and a log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, time
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dimse.pdu import AssociateReject
from exporters.dimse.reasons import REJECT_WORDS, RejectSource, reject_words, words
from exporters.dimse.status import StatusClass, status_class

MAX_LOG = 1000  # lines: a peer that answers for ever must not fill the memory with them
LogLine = tuple[float, str, dict[str, object]]


class _MakeGauge(Protocol):
    def __call__(self, name: str, text: str, labels: Sequence[str] = (), /) -> Gauge: ...


class Probe:
    """The record of one probe; a prober fills it, the handler shows it. Durations are in seconds."""

    def __init__(self, phases: Sequence[str], logger: structlog.typing.FilteringBoundLogger) -> None:
        self.outcome = Outcome.INTERNAL_ERROR  # until `end`
        self.duration = 0.0
        self.phases = dict.fromkeys(phases, 0.0)
        self.status: int | None = None
        self.negotiated_pdu_length: int | None = None
        self.rejection: AssociateReject | None = None
        self.accepted_contexts: int | None = None
        self.stall_suspected: bool | None = None  # None: not tried
        self.tls_version: str | None = None
        self.certificate_not_after: float | None = None  # seconds since the epoch
        self.bytes_sent = self.bytes_received = 0  # on associations and in HTTP bodies
        self.results: int | None = None  # None: no query
        self.time_to_first_result: float | None = None
        self.suboperations: dict[str, int] | None = None  # None: no retrieval
        self.http_status: int | None = None
        self.log: list[LogLine] = []
        self._logger = logger
        self._begin = perf_counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase; one that fails has its time until then. One that the prober has not named is only logged."""
        begin = perf_counter()
        try:
            yield
        finally:
            seconds = perf_counter() - begin
            if name in self.phases:
                self.phases[name] = seconds
            self.say(f"{name} took", seconds=round(seconds, 6))

    def say(self, event: str, **values: object) -> None:
        """A line of the probe's log. Never what a peer wrote in free text: it may hold a patient's identity."""
        if len(self.log) < MAX_LOG:
            self.log.append((perf_counter() - self._begin, event, values))
        self._logger.debug(event, **values)

    def end(self, error: ProbeError | None = None) -> None:
        """The probe is over, well or with that failure."""
        self.duration = perf_counter() - self._begin
        self.outcome = error.outcome if error else Outcome.ACCEPTED
        if error:
            self.rejection = error.rejection
            self.log.append((self.duration, "probe failed", {"result": self.outcome.value, "reason": str(error)}))
            self._logger.warning("probe failed", result=self.outcome.value, reason=str(error))
        else:
            self.say("probe succeeded", seconds=round(self.duration, 6))

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format, from a registry of their own."""
        registry = CollectorRegistry(auto_describe=False)

        def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
            return Gauge(f"dicom_probe_{name}", text, labels, registry=registry)

        gauge("success", "Whether the probe succeeded").set(self.outcome is Outcome.ACCEPTED)
        gauge("duration_seconds", "How long the probe took").set(self.duration)
        phase = gauge("phase_duration_seconds", "How long each phase took; 0 if it was not reached", ["phase"])
        for name, seconds in self.phases.items():
            phase.labels(name).set(seconds)
        result = gauge("result", "What the probe came to: 1 for one of them", ["result"])
        for outcome in Outcome:
            result.labels(outcome.value).set(outcome is self.outcome)
        answered = None if self.status is None else status_class(self.status)
        status = gauge("status_class", "The class of the DIMSE status that was answered: 1 for one at most", ["class"])
        for one in StatusClass:
            status.labels(one.value).set(one is answered)
        if self.status is not None:
            gauge("status", "The DIMSE status that was answered (PS3.7 annex C), as a number").set(self.status)
        if self.negotiated_pdu_length is not None:
            text = "The longest P-DATA-TF PDU that the target takes, in bytes; 0: any"
            gauge("negotiated_pdu_bytes", text).set(self.negotiated_pdu_length)
        if self.accepted_contexts is not None:
            text = "Presentation contexts that the target has accepted, in the last association"
            gauge("accepted_presentation_contexts", text).set(self.accepted_contexts)
        moved = gauge("bytes", "Bytes of PDUs or HTTP bodies by their direction, seen from the prober", ["direction"])
        moved.labels("sent").set(self.bytes_sent)
        moved.labels("received").set(self.bytes_received)
        self._tls(gauge)
        self._results(gauge)
        if self.stall_suspected is not None:
            text = (
                "Whether five answers in a row took 39 to 50 ms: written in parts with Nagle on, each waits for a "
                "delayed acknowledgement (23 a second per association). The cure: TCP_NODELAY=1 in the target's "
                "environment (dcmtk, Orthanc)"
            )
            gauge("stall_suspected", text).set(self.stall_suspected)
        self._rejections(gauge("rejection", "Who rejected and why (PS3.8 table 9-21): 1 if so", ["source", "reason"]))
        return generate_latest(registry)

    def _tls(self, gauge: "_MakeGauge") -> None:
        if self.tls_version is not None:
            text = "The TLS version that was negotiated, as a label: always 1"
            gauge("tls_version_info", text, ["version"]).labels(self.tls_version).set(1)
        if self.certificate_not_after is not None:
            text = "The earliest end in the target's certificate chain, in seconds since the epoch"
            gauge("certificate_not_after_timestamp_seconds", text).set(self.certificate_not_after)
            text = "Days until then; negative: it has ended"
            gauge("certificate_days_left", text).set((self.certificate_not_after - time()) / 86400)

    def _results(self, gauge: "_MakeGauge") -> None:
        if self.results is not None:
            gauge("results", "Results of the query, or instances that were retrieved").set(self.results)
        if self.time_to_first_result is not None:
            text = "From the request's first byte to the first result"
            gauge("time_to_first_result_seconds", text).set(self.time_to_first_result)
        if self.suboperations is not None:
            states = gauge("suboperations", "Sub-operations of the retrieval as last reported", ["state"])
            for state, count in self.suboperations.items():
                states.labels(state).set(count)
        if self.http_status is not None:
            gauge("http_status_code", "The status of the last HTTP answer").set(self.http_status)

    def _rejections(self, gauge: Gauge) -> None:
        said = self.rejection
        known = [*REJECT_WORDS, (0, 0)]  # the last one stands for every number that the standard reserves
        for source, reason in known:
            here = False
            if said is not None:
                here = (said.source, said.reason) == (source, reason)
                if (source, reason) == (0, 0):
                    here = (said.source, said.reason) not in REJECT_WORDS
            gauge.labels(words(RejectSource(source)), reject_words(source, reason)).set(here)
