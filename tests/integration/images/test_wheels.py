"""Wheels for an image, downloaded by the real pip from a folder that stands for the index."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from infra.images import wheels
from infra.images.progress import Commands
from infra.images.recipe import ImageError, ImageFile, Recipe

IMAGE = Recipe("one", ImageFile(title="t", version="1", wheels="requirements.lock"))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def publish(index: Path, tag: str) -> str:
    """Puts a wheel with one module there; gives back its sha256."""
    wheel = index / f"tiny-1-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        archive.writestr("tiny-1.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr("tiny-1.dist-info/RECORD", "")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def fetch(tmp_path: Path, lock: str | None, image: Recipe = IMAGE) -> list[str]:
    folder = tmp_path / image.folder
    folder.mkdir(parents=True, exist_ok=True)
    if lock is not None:
        (folder / "requirements.lock").write_text(lock)
    fetched = wheels.fetch(image, tmp_path, tmp_path / "cache", Commands(lambda line: None), tmp_path / "log")
    return sorted(file.name for file in fetched.iterdir())


@pytest.mark.parametrize("tag", ["py3-none-any", "cp313-cp313-manylinux_2_28_x86_64", "cp39-abi3-manylinux2014_x86_64"])
def test_wheels_for_the_images_python_are_downloaded_once(tmp_path: Path, index: Path, tag: str) -> None:
    lock = f"tiny==1 --hash=sha256:{publish(index, tag)}\n"
    assert fetch(tmp_path, lock) == [f"tiny-1-{tag}.whl"]
    (index / f"tiny-1-{tag}.whl").unlink()
    assert fetch(tmp_path, lock) == [f"tiny-1-{tag}.whl"]


def test_a_new_lock_file_replaces_the_wheels_of_the_old_one(tmp_path: Path, index: Path) -> None:
    lock = f"tiny==1 --hash=sha256:{publish(index, 'py3-none-any')}\n"
    fetch(tmp_path, lock)
    fetch(tmp_path, f"# again\n{lock}")
    assert len(list((tmp_path / "cache/one").iterdir())) == 1


def test_an_image_whose_name_begins_like_anothers_leaves_its_wheels_alone(tmp_path: Path, index: Path) -> None:
    lock = f"tiny==1 --hash=sha256:{publish(index, 'py3-none-any')}\n"
    fetch(tmp_path, lock, Recipe("one-more", IMAGE.file))
    fetch(tmp_path, lock)
    assert sorted(folder.name for folder in (tmp_path / "cache").iterdir()) == ["one", "one-more"]


@pytest.mark.parametrize("tag", ["cp312-cp312-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_99_x86_64"])
def test_a_wheel_that_the_image_could_not_run_is_refused(tmp_path: Path, index: Path, tag: str) -> None:
    with pytest.raises(ImageError, match=r"image one: 'download wheels' failed \(exit status 1\)"):
        fetch(tmp_path, f"tiny==1 --hash=sha256:{publish(index, tag)}\n")


def test_a_wheel_with_another_hash_is_refused_and_not_kept(tmp_path: Path, index: Path) -> None:
    right = publish(index, "py3-none-any")
    for _ in range(2):
        with pytest.raises(ImageError, match="HASHES"):
            fetch(tmp_path, f"tiny==1 --hash=sha256:{'0' * 64}\n")
    assert fetch(tmp_path, f"tiny==1 --hash=sha256:{right}\n")


def test_a_lock_file_that_does_not_exist_is_refused(tmp_path: Path, index: Path) -> None:
    with pytest.raises(ImageError, match=r"image\.toml: wheels: there is no infra/images/one/requirements\.lock"):
        fetch(tmp_path, None)
