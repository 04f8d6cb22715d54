"""What is made of kubectl's answers, of cut ones too; real pods have their turn in tests/e2e."""

import os
import stat
import tarfile
from pathlib import Path

import pytest

from infra.campaign_pods import Pods, PodsError


def answering(tmp_path: Path, script: str) -> tuple[Pods, list[str]]:
    """Pods whose kubectl is a shell script; and what is said."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    said: list[str] = []
    return Pods([str(kubectl)], dict(os.environ), said.append), said


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A tar of a campaign's folder."""
    folder = tmp_path / "pod" / "20260101T000000Z-first"
    folder.mkdir(parents=True)
    (folder / "ledger-0.jsonl").write_text("{}\n" * 20_000)
    file = tmp_path / "results.tar"
    with tarfile.open(file, "w") as archive:
        archive.add(tmp_path / "pod", ".")
    return file


def test_the_campaigns_folder_comes_whole(tmp_path: Path, results: Path) -> None:
    pods, said = answering(tmp_path, "cat results.tar")
    assert pods.collect(tmp_path / "here") == [tmp_path / "here" / "20260101T000000Z-first"]
    assert (tmp_path / "here/20260101T000000Z-first/ledger-0.jsonl").read_text() == "{}\n" * 20_000
    assert said == []


def test_a_copy_that_was_cut_is_made_again(tmp_path: Path, results: Path) -> None:
    cut = "[ -e tried ] && exec cat results.tar; touch tried; head -c 30000 results.tar"
    pods, said = answering(tmp_path, cut)
    pods.collect(tmp_path / "here")
    assert (tmp_path / "here/20260101T000000Z-first/ledger-0.jsonl").read_text() == "{}\n" * 20_000
    assert said == ["copying the results, attempt 1 of 3: unexpected end of data"]


def test_results_that_never_come_whole_are_an_error_and_not_a_short_ledger(tmp_path: Path, results: Path) -> None:
    pods, said = answering(tmp_path, "head -c 30000 results.tar")
    with pytest.raises(PodsError, match=r"^the results can't be copied from "):
        pods.collect(tmp_path / "here")
    assert len(said) == 3


def test_a_tar_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tmp_path / "results.tar", "w") as archive:
        archive.add(tmp_path / "evil", "../outside")
    pods, _ = answering(tmp_path, "cat results.tar")
    with pytest.raises(PodsError):
        pods.collect(tmp_path / "here")
    assert not (tmp_path / "outside").exists()


def test_a_cluster_that_does_not_answer_is_an_error_in_its_own_words(tmp_path: Path) -> None:
    pods, _ = answering(tmp_path, "echo 'connection refused' >&2; exit 1")
    with pytest.raises(PodsError, match=r"^kubectl get jobs .*: connection refused$"):
        pods.running_campaign()


def test_a_master_that_can_not_be_placed_is_an_error_with_the_scheduler_s_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.campaign_pods.START_SECONDS", 0.0)
    unplaced = (
        '{"items": [{"metadata": {"name": "m"}, "status": {"conditions": [{"type": "PodScheduled", '
        '"status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}]}}]}'
    )
    (tmp_path / "pods.json").write_text(unplaced)
    pods, _ = answering(tmp_path, "cat pods.json")
    with pytest.raises(PodsError, match=r"doesn't start in 0 s: 0/1 nodes are available: 1 Insufficient cpu\.$"):
        pods.await_master()
