"""A step's directory is there complete, or it is as it was before."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap

import pytest
from prebake.schemas import commit
from prebake.schemas.commit import is_current, new_file, publication, publish, temporary_directory
from prebake.schemas.errors import ArtifactError
from prebake.schemas.manifest import MANIFEST, read_manifest, set_fingerprint
from prebake.schemas.manifest_pb2 import Manifest


def manifest(**parts: str) -> Manifest:
    made = Manifest(step="examples")
    set_fingerprint(made, parts or {"data": "1"})
    return made


def write(directory: str, content: str, *, replace: bool = False, **parts: str) -> None:
    with publish(directory, manifest(**parts), replace=replace) as temporary:
        os.mkdir(os.path.join(temporary, "train"))
        with open(os.path.join(temporary, "train", "part-0"), "w") as file:
            file.write(content)


def content(directory: str) -> str:
    read_manifest(directory, "examples")
    with open(os.path.join(directory, "train", "part-0")) as file:
        return file.read()


@pytest.fixture
def directory(tmp_path) -> str:
    return str(tmp_path / "run" / "examples")


@pytest.fixture(params=["exchange", "two renames"])
def way(request, monkeypatch) -> str:
    """How a directory is replaced: where the system can exchange two, and where it cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(commit, "exchange", lambda one, other: False)
    return request.param


def is_alone(directory: str) -> bool:
    """No temporary directory is left beside it."""
    return os.listdir(os.path.dirname(directory)) == [os.path.basename(directory)]


def test_publish(directory):
    made = manifest()
    with publish(directory + "/", made) as temporary:
        assert os.path.dirname(temporary) == os.path.dirname(directory)
        assert os.path.basename(temporary).startswith(".tmp-examples-")
        assert not os.path.exists(directory)
        with open(os.path.join(temporary, "a"), "w") as file:
            file.write("x")
        made.weighted = True
    found = read_manifest(directory, "examples")
    assert found.weighted
    assert [entry.path for entry in found.files] == ["a"]
    assert is_alone(directory)


def test_publish_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("here", "x")
    assert content("here") == "x"
    assert os.listdir() == ["here"]


@pytest.mark.parametrize(
    "error",
    [ValueError, KeyboardInterrupt, SystemExit, ConnectionResetError, FileNotFoundError(2, "x", "rows.csv")],
)
def test_an_exception_publishes_nothing(directory, error):
    def fail() -> None:
        with publish(directory, manifest()) as temporary:
            with open(os.path.join(temporary, "half"), "w") as file:
                file.write("x")
            raise error

    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        fail()
    assert os.listdir(os.path.dirname(directory)) == []


def test_an_exception_leaves_what_is_there(directory):
    write(directory, "old")

    def fail() -> None:
        with publish(directory, manifest(data="2"), replace=True):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert content(directory) == "old"
    assert is_alone(directory)


@pytest.mark.fault(37)
@pytest.mark.parametrize("moment", ["block", "fill_files", "write_manifest", "_flush"])
def test_a_full_disk_is_one_line_and_publishes_nothing(directory, monkeypatch, moment):
    def full(*args):
        raise OSError(
            errno.ENOSPC, "No space left on device"
        )  # as write() and fsync() say it: without a name

    def write_it() -> None:
        if moment != "block":
            write(directory, "new", replace=True, data="2")
        else:
            with publish(directory, manifest(data="2"), replace=True):
                full()

    write(directory, "old")
    if moment != "block":
        monkeypatch.setattr(commit, moment, full)
    text = (
        f"{directory}: could not be written: No space left on device; it is as it was before: free some space and "
        "run again"
    )
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        write_it()
    assert content(directory) == "old"
    assert is_alone(directory)


def test_a_directory_that_is_there_is_not_touched(directory):
    write(directory, "old")
    text = f"{directory}: is there already: add --replace, or choose another --run"
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        write(directory, "new")
    assert content(directory) == "old"
    assert is_alone(directory)


def test_replace(directory, way):
    write(directory, "old")
    write(directory, "new", replace=True, data="2")
    assert content(directory) == "new"
    assert is_alone(directory)


def test_replace_nothing(directory):
    write(directory, "new", replace=True)
    assert content(directory) == "new"


def test_a_replaced_directory_is_never_absent(directory, monkeypatch):
    """On Linux, that is: of the path itself no rename is made at all."""
    write(directory, "old")

    def rename(old: str, new: str) -> None:
        raise AssertionError("a rename makes it absent")

    monkeypatch.setattr(commit.os, "rename", rename)
    write(directory, "new", replace=True, data="2")
    assert content(directory) == "new"


def test_a_link_is_replaced_and_what_it_leads_to_is_not(directory, way, tmp_path):
    elsewhere = str(tmp_path / "elsewhere")
    write(elsewhere, "old")
    os.makedirs(os.path.dirname(directory))
    os.symlink(elsewhere, directory)
    assert content(directory) == "old"
    write(directory, "new", replace=True, data="2")
    assert (content(directory), content(elsewhere)) == ("new", "old")
    assert is_alone(directory)


@pytest.mark.fault(38)
@pytest.mark.parametrize(("there", "replace"), [(False, False), (False, True), (True, True)])
def test_the_second_publisher_loses(directory, way, there, replace):
    text = f"{directory}: another run published it first; this run's result is dropped"
    if there:
        write(directory, "old")

    def both() -> None:
        with publish(directory, manifest(data="late"), replace=replace):
            write(directory, "first", replace=replace)

    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        both()
    assert content(directory) == "first"
    assert is_alone(directory)


@pytest.mark.fault(38)
@pytest.mark.parametrize("replace", [False, True])
def test_without_locks_the_second_publisher_loses_too(directory, monkeypatch, replace):
    """As if the other run had published between this run's look and its rename, or between its two renames."""
    text = f"{directory}: another run published it first; this run's result is dropped"
    real = os.rename

    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    def rename(old: str, new: str) -> None:
        if new == directory and not os.path.exists(directory):
            write(os.path.join(os.path.dirname(directory), "other"), "first")
            real(os.path.join(os.path.dirname(directory), "other"), directory)
        real(old, new)

    if replace:
        write(directory, "old")
    with monkeypatch.context() as patch:
        patch.setattr(commit.fcntl, "flock", no_locks)
        patch.setattr(commit, "exchange", lambda one, other: False)
        patch.setattr(commit.os, "rename", rename)
        with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
            write(directory, "new", replace=replace, data="2")
    assert content(directory) == "first"
    assert current(directory, None) is True  # which tidies up
    assert is_alone(directory)


@pytest.mark.fault(37)
@pytest.mark.parametrize("code", [errno.EROFS, errno.EXDEV, errno.EACCES])
def test_a_rename_that_fails_brings_the_old_one_back(directory, monkeypatch, code):
    write(directory, "old")
    real = os.rename

    def rename(old: str, new: str) -> None:
        if new == directory and ".tmp-old" not in old:
            raise OSError(code, os.strerror(code))
        real(old, new)

    monkeypatch.setattr(commit, "exchange", lambda one, other: False)
    monkeypatch.setattr(commit.os, "rename", rename)
    text = f"{directory}: could not be published: {os.strerror(code)}; it is as it was before"
    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        write(directory, "new", replace=True, data="2")
    assert content(directory) == "old"
    assert is_alone(directory)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_what_is_in_the_way_stays(directory, late, replace):
    """Somebody else's file or folder: no manifest lies in it."""
    text = f"{directory}: is in the way: it has no manifest, so prebake did not write it; move it away"

    def theirs() -> None:
        with open(directory, "w") as file:
            file.write("somebody else's")

    os.makedirs(os.path.dirname(directory))
    if not late:
        theirs()

    def ours() -> None:
        with publish(directory, manifest(), replace=replace):
            theirs()

    with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
        ours()
    with open(directory) as file:
        assert file.read() == "somebody else's"
    assert is_alone(directory)


def current(directory: str, text: str | None, *, replace: bool = False, **parts: str) -> bool | None:
    """What is_current returns, or None if it raises exactly this text."""
    if text is None:
        return is_current(directory, manifest(**parts), replace=replace)
    with pytest.raises(ArtifactError) as caught:
        is_current(directory, manifest(**parts), replace=replace)
    assert str(caught.value) == text
    return None


def test_is_current(directory):
    assert current(directory, None) is False
    write(directory, "x", data="1", seed="0", spec="a")
    assert current(directory, None, data="1", seed="0", spec="a") is True
    assert current(directory, None, data="1", seed="0", spec="a", replace=True) is True
    current(
        directory,
        f"{directory}: was made from other seed, spec: add --replace, or choose another --run",
        data="1", seed="1", spec="b",
    )  # fmt: skip
    current(
        directory,
        f"{directory}: was made from other more, seed, spec: add --replace, or choose another --run",
        data="1", more="x",
    )  # fmt: skip
    assert current(directory, None, data="2", replace=True) is False


def test_a_damaged_one_is_not_current(directory):
    write(directory, "abc")
    part = os.path.join(directory, "train", "part-0")
    with open(part, "w") as file:
        file.write("abd")
    current(directory, f"{part}: does not have the CRC32C of the manifest: run the step again with --replace")
    assert current(directory, None, replace=True) is False


@pytest.mark.parametrize("replace", [False, True])
def test_somebody_elses_directory_is_never_replaced(directory, replace):
    os.makedirs(directory)
    text = f"{directory}: is in the way: it has no manifest, so prebake did not write it; move it away"
    current(directory, text, replace=replace)


PUBLISHER = """
    import os, sys, time
    from prebake.schemas import commit
    from prebake.schemas.manifest_pb2 import Manifest

    def stop(*args):
        print("ready", flush=True)
        time.sleep(600)

    if sys.argv[2] != "block":
        setattr(commit, sys.argv[2], stop)
    with commit.publish(sys.argv[1], Manifest(step="examples"), replace=True) as temporary:
        with open(os.path.join(temporary, "part-0"), "w") as file:
            file.write("half")
            if sys.argv[2] == "block":
                stop()
"""


@pytest.mark.fault(34)
@pytest.mark.parametrize("moment", ["block", "write_manifest", "_flush"])
def test_kill_9_leaves_nothing_that_is_seen(directory, moment):
    write(directory, "old")
    arguments = [sys.executable, "-c", textwrap.dedent(PUBLISHER), directory, moment]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        beside = [name for name in os.listdir(os.path.dirname(directory)) if name != "examples"]
        assert len(beside) == 1
        # A step that is at work is left alone.
        with temporary_directory(os.path.dirname(directory), "examples"):
            assert os.path.exists(os.path.join(os.path.dirname(directory), beside[0]))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert content(directory) == "old"
    assert beside[0].startswith(".tmp-")
    write(directory, "new", replace=True, data="2")
    assert content(directory) == "new"
    assert is_alone(directory)


@pytest.mark.fault(34)
@pytest.mark.parametrize("looks", [False, True])
def test_after_a_kill_between_the_two_renames_the_next_run_brings_it_back(directory, looks):
    write(directory, "old")
    os.rename(directory, os.path.join(os.path.dirname(directory), ".tmp-old-examples-0123abcd"))
    if looks:
        assert current(directory, None) is True
    with pytest.raises(ArtifactError, match="is there already"):
        write(directory, "new")
    assert content(directory) == "old"
    assert is_alone(directory)


@pytest.mark.fault(34)
def test_after_a_kill_behind_the_rename_a_run_with_nothing_to_do_tidies_up(directory):
    write(directory, "new")
    host = socket.gethostname()
    for name in (".tmp-old-examples-0123abcd", f".tmp-examples-{host}-0123abcd"):
        write(os.path.join(os.path.dirname(directory), name), "old")
    assert current(directory, None) is True
    assert content(directory) == "new"
    assert is_alone(directory)


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EIO, "Input/output error"), "is published, but the disk does not confirm it: Input/output error"),
        (OSError(errno.EINVAL, "Invalid argument"), None),  # a file system that cannot flush a folder
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_flushed(directory, monkeypatch, error, text):
    os.makedirs(os.path.dirname(directory))
    real, parent = os.fsync, os.stat(os.path.dirname(directory))

    def fsync(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), parent):
            raise error
        real(descriptor)

    monkeypatch.setattr(commit.os, "fsync", fsync)
    if text is None:
        write(directory, "new")
    else:
        with pytest.raises(ArtifactError, match=f"^{re.escape(f'{directory}: {text}')}$"):
            write(directory, "new")
    assert content(directory) == "new"
    assert is_alone(directory)


def test_a_new_file(tmp_path):
    path = tmp_path / "new" / "spec.yaml"
    for text in ("first", "second"):
        with new_file(str(path)) as draft, open(draft, "w") as file:
            file.write(text)
        assert path.read_text() == text
        assert os.listdir(path.parent) == ["spec.yaml"]


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (FileNotFoundError(2, "No such file or directory", "rows.csv"), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_a_fault_leaves_the_file_that_is_there(tmp_path, error, text):
    path = tmp_path / "spec.yaml"
    path.write_text("old")

    def fail() -> None:
        with new_file(str(path)) as draft, open(draft, "w") as file:
            file.write("half")
            raise error

    if text is None:
        with pytest.raises(type(error)):
            fail()
    else:
        line = f"{path}: could not be written: {text}; it is as it was before: free some space and run again"
        with pytest.raises(ArtifactError, match=f"^{re.escape(line)}$"):
            fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["spec.yaml"]


@pytest.mark.fault(37)
def test_a_folder_that_cannot_be_written_into(tmp_path):
    (tmp_path / "file").write_text("x")
    for parent, reason in (
        (tmp_path / "file", "File exists"),
        (tmp_path / "file" / "run", "Not a directory"),
    ):
        with pytest.raises(ArtifactError) as caught:
            write(str(parent / "examples"), "x")
        assert str(caught.value) == f"{parent}: cannot be written into: {reason}"


def test_the_manifest_is_written_last(directory, monkeypatch):
    seen: list[list[str]] = []
    real = commit.write_manifest

    def write_last(made: Manifest, temporary: str) -> None:
        seen.append(sorted(os.listdir(temporary)))
        real(made, temporary)

    monkeypatch.setattr(commit, "write_manifest", write_last)
    write(directory, "x")
    assert seen == [["train"]]
    assert sorted(os.listdir(directory)) == [MANIFEST, "train"]


@pytest.mark.fault(38)
@pytest.mark.parametrize("replaced", [True, False])
def test_what_it_is_made_from_must_still_stand(tmp_path, replaced):
    source, directory = str(tmp_path / "transform"), str(tmp_path / "examples")
    write(source, "statistics", data="1")
    write(directory, "old")

    def run() -> None:
        made_from = {source: publication(source)}
        with publish(directory, manifest(data="2"), replace=True, made_from=made_from):
            if replaced:
                write(source, "other statistics", replace=True, data="2")

    if replaced:
        text = f"{source}: another run replaced it; the examples made from it are dropped: run again"
        with pytest.raises(ArtifactError, match=f"^{re.escape(text)}$"):
            run()
        assert content(directory) == "old"
    else:
        run()
        assert os.listdir(directory) == ["manifest.pbtxt"]
    assert sorted(os.listdir(tmp_path)) == ["examples", "transform"]
