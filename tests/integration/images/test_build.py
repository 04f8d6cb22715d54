"""`python -m infra.images` against a real registry, with images of one file each."""

import base64
import json
import re
import urllib.request
from pathlib import Path
from ssl import create_default_context
from typing import Any

import pytest

from tests.integration.images.conftest import Tree
from tests.peers.image_registry import PASSWORD, USER, image_registry

HELLO = "FROM scratch\nCOPY infra/images/one/hello /hello\nUSER 10001:10001\n"


def references(tree: Tree) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(tree.references.read_text())
    return loaded


def configuration(tree: Tree, image: str) -> dict[str, Any]:
    """The image's configuration, asked from the registry."""
    name, digest = references(tree)[image].removeprefix(f"{tree.registry.host}/").split("@")
    context = create_default_context(cafile=str(tree.registry.ca))
    answers: list[dict[str, Any]] = []
    for kind in (f"manifests/{digest}", "blobs/{}"):
        path = kind.format(answers and answers[0]["config"]["digest"])
        request = urllib.request.Request(f"https://{tree.registry.host}/v2/{name}/{path}")
        request.add_header("Accept", "application/vnd.oci.image.manifest.v1+json")
        with urllib.request.urlopen(request, context=context) as response:  # noqa: S310 - https, two lines above
            answers.append(json.load(response))
    return answers[-1]


def assert_nothing_is_left(tree: Tree) -> None:
    assert not (tree.root / "cache/images/storage").exists()
    assert not any((tree.root / "cache/images/scratch").glob("*"))
    assert str(tree.root) not in Path("/proc/self/mountinfo").read_text()


def test_an_image_is_built_once_and_found_in_the_registry_afterwards(tree: Tree) -> None:
    tree.image("one", HELLO, hello="1")
    first = tree.run()
    assert first.returncode == 0, first.stderr
    assert "1 built, 0 unchanged, 0 failed" in first.stdout
    before = references(tree)
    assert re.fullmatch(rf"{tree.registry.host}/test/vna/one@sha256:[0-9a-f]{{64}}", before["one"])
    second = tree.run()
    assert "0 built, 1 unchanged, 0 failed" in second.stdout
    assert references(tree) == before
    assert_nothing_is_left(tree)


def test_equal_inputs_have_equal_digests_when_they_are_built_again(tree: Tree) -> None:
    tree.image("one", HELLO, hello="digest")
    tree.run()
    before = references(tree)
    again = tree.run("--rebuild")
    assert "1 built, 0 unchanged, 0 failed" in again.stdout
    assert references(tree) == before


def test_a_change_of_a_parent_builds_its_child_too_and_nothing_else(tree: Tree) -> None:
    tree.image("one", HELLO, hello="parent")
    tree.image("child", "ARG BASE\nFROM ${BASE}\nCOPY infra/images/child/b /b\n", 'parent = "one"', b="1")
    tree.image("other", "FROM scratch\nCOPY infra/images/other/a /a\n", a="1")
    assert "3 built" in tree.run().stdout
    before = references(tree)
    tree.image("one", HELLO, hello="changed")
    assert "2 built, 1 unchanged, 0 failed" in tree.run().stdout
    assert {name for name, reference in references(tree).items() if reference != before[name]} == {"one", "child"}


def test_an_image_has_its_user_and_the_labels_of_its_description(tree: Tree) -> None:
    tree.image("one", HELLO, hello="labels")
    tree.run()
    listed = tree.run("--list").stdout.split()
    image = configuration(tree, "one")
    assert image["config"]["User"] == "10001:10001"
    labels = image["config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "Test one"
    assert labels["org.opencontainers.image.version"] == "1"
    assert labels["org.opencontainers.image.revision"] == listed[1]
    assert references(tree)["one"].endswith(listed[2])


def test_a_build_sees_only_the_files_that_its_key_is_over(tree: Tree) -> None:
    tree.image("one", "FROM scratch\nCOPY pyproject.toml /\n")
    (tree.root / "pyproject.toml").write_text("")
    failed = tree.run()
    assert failed.returncode == 1
    tree.image("one", "FROM scratch\nCOPY pyproject.toml /\n", 'parent = ""\nfiles = ["pyproject.toml"]')
    assert tree.run().returncode == 0


def test_a_build_that_fails_says_where_with_the_last_lines_and_the_others_are_built(tree: Tree) -> None:
    tree.image("bad", "FROM scratch\nCOPY infra/images/bad/nothing /\n")
    tree.image("child", "ARG BASE\nFROM ${BASE}\n", 'parent = "bad"')
    tree.image("one", HELLO, hello="beside a failure")
    failed = tree.run()
    assert failed.returncode == 1
    assert "1 built, 0 unchanged, 2 failed" in failed.stdout
    log = tree.root / "cache/images/logs/bad.log"
    first, *last, child = failed.stderr.splitlines()
    assert first.startswith("images: image bad: '2/")
    assert first.endswith(f"failed (exit status 125); all of it: {log}")
    assert any("nothing" in line and "no such file" in line for line in last)
    assert all(line.startswith("    ") for line in last)
    assert child == "images: image child: not built, since bad isn't"
    assert "no such file" in log.read_text()
    assert list(references(tree)) == ["one"]
    assert_nothing_is_left(tree)


def test_a_registry_that_does_not_answer_is_one_line(tree: Tree) -> None:
    tree.image("one", HELLO, hello="1")
    refused = tree.run(VNAOPS_REGISTRY="127.0.0.1:1/test")
    assert refused.returncode == 1
    assert refused.stderr == (
        "images: no registry answers by TLS on 127.0.0.1:1 (VNAOPS_REGISTRY, VNAOPS_REGISTRY_CA)\n"
    )
    assert not tree.references.exists()


def test_a_registry_with_a_login_takes_it_from_the_standard_file_and_never_shows_it(tmp_path: Path) -> None:
    with image_registry(tmp_path / "registry", login=True) as guarded:
        tree = Tree(tmp_path, guarded)
        tree.image("one", HELLO, hello="1")
        refused = tree.run()
        assert refused.returncode == 1
        assert refused.stderr == f"images: registry {guarded.host} wants a login: buildah login {guarded.host}\n"
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        tree.write_logins({guarded.host: {"auth": secret}})
        first, second = tree.run(), tree.run()
        assert "1 built, 0 unchanged, 0 failed" in first.stdout, first.stderr
        assert "0 built, 1 unchanged, 0 failed" in second.stdout
        written = first.stdout + first.stderr + (tmp_path / "cache/images/logs/one.log").read_text()
        assert PASSWORD not in written
        assert secret not in written


@pytest.mark.parametrize("arguments", [["--list"], []])
def test_a_tool_that_is_not_built_yet_is_named(tree: Tree, arguments: list[str]) -> None:
    tree.image("dns", "FROM scratch\nCOPY tools/dns /\n", 'parent = ""\ntools = ["dns"]')
    ended = tree.run(*arguments)
    assert "image dns needs dns, which isn't built: run python -m infra.node.tools" in ended.stdout + ended.stderr


def test_a_site_s_base_image_takes_the_place_of_the_one_made_here(tree: Tree) -> None:
    tree.image("one", HELLO, hello="a site's base")
    tree.image("base", "ARG BASE\nFROM ${BASE}\nCOPY infra/images/base/b /b\n", b="1")
    assert tree.run("one").returncode == 0
    site = references(tree)["one"]
    built = tree.run("base", VNAOPS_BASE_IMAGE=site)
    assert "1 built, 0 unchanged, 0 failed" in built.stdout, built.stderr
    assert len(configuration(tree, "base")["rootfs"]["diff_ids"]) == 2
    assert "1 unchanged" in tree.run("base", VNAOPS_BASE_IMAGE=site).stdout
    assert "to be built" in tree.run("base", "--list").stdout
