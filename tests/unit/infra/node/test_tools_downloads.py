"""Downloads that a site has configured, from a real server."""

import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from infra import paths
from infra.node.tools import downloads, store
from infra.node.tools.catalogue import TOOLS
from infra.node.tools.ensure import ensure
from infra.node.tools.errors import ToolError

TOOL = {tool.name: tool for tool in TOOLS}
BYTES = b"#!/bin/sh\necho hello\n"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Not on the tests' standard error."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A folder and, in `address` beside it, where a server on a free port offers its files."""
    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        (tmp_path / "address").write_text(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNAOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")
    paths.tools_dir().mkdir(parents=True)


def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> Path:
    file = tmp_path / "urls.toml"
    file.write_text(text)
    monkeypatch.setenv("VNAOPS_TOOL_URLS", str(file))
    return file


def entry(name: str, version: str, url: str, sha256: str) -> str:
    return f'[[tool]]\nname = "{name}"\nversion = "{version}"\nurl = "{url}"\nsha256 = "{sha256}"\n'


def offer(served: Path, tmp_path: Path, name: str, data: bytes) -> tuple[str, str]:
    (served / name).write_bytes(data)
    return f"{(tmp_path / 'address').read_text()}/{name}", hashlib.sha256(data).hexdigest()


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(BYTES)
            tar.addfile(member, io.BytesIO(BYTES))
    return buffer.getvalue()


def test_without_a_sites_file_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VNAOPS_TOOL_URLS", raising=False)
    assert downloads.configured() == {}


def test_a_program_is_downloaded_and_linked(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, sha256 = offer(served, tmp_path, "kubectl-linux", BYTES)
    configure(monkeypatch, tmp_path, entry("kubectl", "1.34.1", url, sha256))
    source = ensure(TOOL["kubectl"], downloads.configured())
    assert source.folder.name == f"kubectl-1.34.1-{sha256[:12]}"
    assert (paths.tools_bin() / "kubectl").read_bytes() == BYTES


def test_the_programs_are_found_wherever_they_lie_in_an_archive(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = TOOL["kubernetes"]
    data = archive("LICENSE", *(f"kubernetes/server/bin/{name}" for name in tool.programs))
    url, sha256 = offer(served, tmp_path, "server.tar.gz", data)
    configure(monkeypatch, tmp_path, entry("kubernetes", tool.version, url, sha256))
    folder = ensure(tool, downloads.configured()).folder
    assert {file.name for file in folder.iterdir()} == set(tool.programs)
    assert store.is_whole(tool, folder)


def test_a_wrong_sha256_is_refused_in_words_and_installs_nothing(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sha256 = offer(served, tmp_path, "kubectl", BYTES)
    file = configure(monkeypatch, tmp_path, entry("kubectl", "1.34.1", url, "0" * 64))
    assert file.exists()
    with pytest.raises(ToolError) as refusal:
        ensure(TOOL["kubectl"], downloads.configured())
    assert str(refusal.value) == (
        f"{url}: its sha256 is {sha256}, not {'0' * 64} as VNAOPS_TOOL_URLS says: "
        "nothing was installed; find out which of the two is wrong"
    )
    assert list(paths.tools_dir().iterdir()) == []


def test_an_archive_without_all_programs_is_refused(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sha256 = offer(served, tmp_path, "etcd.tar.gz", archive("etcd-v3.6.5/etcdctl"))
    configure(monkeypatch, tmp_path, entry("etcd", "3.6.5", url, sha256))
    with pytest.raises(ToolError, match=r"etcd\.tar\.gz: has no etcd in it, which etcd needs$"):
        ensure(TOOL["etcd"], downloads.configured())
    assert list(paths.tools_dir().iterdir()) == []


def test_a_single_file_is_refused_for_a_tool_of_many_programs(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sha256 = offer(served, tmp_path, "pulumi", BYTES)
    configure(monkeypatch, tmp_path, entry("pulumi", "3.250.0", url, sha256))
    with pytest.raises(ToolError, match=r"pulumi: not a tar archive, but pulumi has 5 programs$"):
        ensure(TOOL["pulumi"], downloads.configured())


def test_an_address_that_has_nothing_is_named(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{(tmp_path / 'address').read_text()}/absent"
    configure(monkeypatch, tmp_path, entry("kubectl", "1.34.1", url, "0" * 64))
    with pytest.raises(ToolError, match=r"/absent: HTTP Error 404: .*: check VNAOPS_TOOL_URLS and the proxy settings$"):
        ensure(TOOL["kubectl"], downloads.configured())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            entry("kubectl", "1.20.0", "https://h/k", "0" * 64),
            "kubectl 1.20.0 does not suit: 1.33 or later, below 1.36",
        ),
        (entry("etcd", "3.5.0", "https://h/k", "0" * 64), "etcd 3.5.0 does not suit: exactly 3.6.5"),
        (entry("kubectl", "1.34.0", "ftp://h/k", "0" * 64), "tool.0.url: String should match pattern"),
        (entry("kubectl", "1.34.0", "https://h/k", "0" * 63), "tool.0.sha256: String should match pattern"),
        (entry("terraform", "1.0.0", "https://h/k", "0" * 64), "no tool is named 'terraform'; there are kubernetes,"),
        ("[[tool]]\nname = 'etcd'\n", "tool.0.version: Field required"),
        ("[tools]\n", "tools: Extra inputs are not permitted"),
        ("tool = [", "Invalid value (at end of document)"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_reason(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = configure(monkeypatch, tmp_path, text)
    with pytest.raises(ToolError) as refusal:
        downloads.configured()
    assert str(refusal.value).startswith(f"VNAOPS_TOOL_URLS={file}: {says}")
    assert "\n" not in str(refusal.value)


def test_an_absent_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNAOPS_TOOL_URLS", str(tmp_path / "absent.toml"))
    with pytest.raises(ToolError, match="No such file"):
        downloads.configured()
