"""The archive's share of the time that a store or a retrieval takes: what remains beyond the S3 beneath it."""

from loadtests.reports.report import Report

_BESIDE = {"put": ("C-STORE", "STOW-RS"), "get": ("WADO-RS", "WADO-URI", "WADO-RS frames")}


def share_words(report: Report) -> list[str]:
    """A sentence per operation that has a counterpart among the baseline's; empty without a baseline."""
    if not report.s3_baseline:
        return []
    found = []
    for kind, names in _BESIDE.items():
        beneath = report.s3_baseline["operations"].get(kind, {}).get("seconds", {}).get("p50")
        for name in names:
            one = report.operations.get(name)
            if not beneath or one is None or not one.summary.service or not one.summary.instances:
                continue
            good = one.summary.count - one.summary.failures - one.summary.unknown
            instance = one.summary.service["p50"] * good / one.summary.instances
            rest = instance - beneath
            found.append(
                f"{name}: {instance * 1000:.1f} ms an instance (median of the service time), of which an S3 {kind} of "
                f"the same size takes {beneath * 1000:.1f} ms: the archive's share is {max(0.0, rest) / instance:.0%}."
            )
    return found
