"""npm packages for an image, fetched by the real npm from a registry of the loopback."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.images import npm
from infra.images.progress import Commands
from infra.images.recipe import ImageError, ImageFile, Recipe

IMAGE = Recipe("one", ImageFile(title="t", version="1", npm="package-lock.json"))


def tarball() -> bytes:
    """A package whose installation script would leave a file."""
    manifest = {"name": "tiny", "version": "1.0.0", "scripts": {"install": "touch installed"}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in {"package.json": json.dumps(manifest), "tiny.js": "export default 1;"}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


TARBALL = tarball()
INTEGRITY = "sha512-" + base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A registry that has this one package; what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = TARBALL
            if not self.path.endswith(".tgz"):
                address = f"http://127.0.0.1:{self.server.server_address[1]}/tiny/-/tiny-1.0.0.tgz"
                version = {"name": "tiny", "version": "1.0.0", "dist": {"tarball": address, "integrity": INTEGRITY}}
                body = json.dumps({"name": "tiny", "versions": {"1.0.0": version}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def lock(integrity: str = INTEGRITY, **more: str) -> str:
    tiny = {"version": "1.0.0", "integrity": integrity, **more}
    root = {"dependencies": {"tiny": "1.0.0"}}
    return json.dumps({"name": "page", "lockfileVersion": 3, "packages": {"": root, "node_modules/tiny": tiny}})


def fetch(folder: Path, text: str | None) -> Path:
    image = folder / IMAGE.folder
    image.mkdir(parents=True, exist_ok=True)
    (image / "package.json").write_text(json.dumps({"private": True, "dependencies": {"tiny": "1.0.0"}}))
    if text is not None:
        (image / "package-lock.json").write_text(text)
    return npm.fetch(IMAGE, folder, folder / "cache", Commands(lambda line: None), folder / "log")


def test_what_the_lock_file_names_is_fetched_once_and_none_of_its_scripts_is_run(
    tmp_path: Path, registry: list[str]
) -> None:
    modules = fetch(tmp_path, lock())
    assert (modules / "tiny/tiny.js").read_text() == "export default 1;"
    assert not (modules / "tiny/installed").exists()
    before = len(registry)
    assert before
    assert fetch(tmp_path, lock()) == modules
    assert len(registry) == before


def test_another_content_than_the_lock_file_s_is_refused(tmp_path: Path, registry: list[str]) -> None:
    other = "sha512-" + base64.b64encode(bytes(64)).decode()
    with pytest.raises(ImageError, match="EINTEGRITY"):
        fetch(tmp_path, lock(other))
    assert [path for path in (tmp_path / "cache/one").iterdir() if path.name != "partial"] == []


def test_a_missing_lock_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"infra/images/one/image\.toml: npm: there is no .*package-lock\.json"):
        fetch(tmp_path, None)


def test_a_lock_file_that_names_addresses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"package-lock\.json: names download addresses: make it with `npm install"):
        fetch(tmp_path, lock(resolved="https://registry.example/tiny.tgz"))


def test_a_machine_without_npm_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="image one needs npm, which is not on PATH: apt-get install npm"):
        fetch(tmp_path, lock())
