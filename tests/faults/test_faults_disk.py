"""A full disk: one message, nothing half-written, and the same command goes on once there is room."""

import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.conftest import Work
from tests.faults.processes import command, end_of, start

WORKS = ("filtering", "sweep", "prediction", "training")
LIMIT = {"filtering": 700, "sweep": 700, "prediction": 700, "training": 2**20}  # bytes of one file


@pytest.fixture
def small_disk(tmp_path):
    """Return a file system of its own in memory, and a function that gives it so many bytes more than it holds."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=1g", "tmpfs", str(place)]
    done = mount and subprocess.run([mount, *options], capture_output=True, text=True, check=False)
    if not done or done.returncode:
        pytest.skip(f"this user may not mount a tmpfs: {done.stderr.strip() if done else 'no mount'}")

    def resize(more: int) -> None:
        size = shutil.disk_usage(place).used + more
        subprocess.run([mount, "-o", f"remount,size={size}", str(place)], check=True)

    yield place, resize
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("what", WORKS)
def test_a_full_disk_is_one_message_and_the_work_goes_on(what, small_disk, request, tmp_path):
    work: Work = request.getfixturevalue(what)
    place, resize = small_disk
    workspace, said = work.fresh(place), tmp_path / "said"
    resize(4096 if what != "training" else 2**20)
    assert work.run(workspace, said) == 2, said.read_text()
    assert_one_message(said)
    resize(2**29)
    assert work.run(workspace, said) == 0, said.read_text()
    assert work.result(workspace) == work.expected


def limited(arguments: list[str], said: Path, limit: int) -> None:
    """Run ``vspw`` in this process, which may write no file larger than ``limit`` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    command(arguments, said)


@pytest.mark.parametrize("what", WORKS)
def test_so_is_a_limit_on_the_length_of_files(what, request, tmp_path):
    work: Work = request.getfixturevalue(what)
    workspace, said = work.fresh(tmp_path), tmp_path / "said"
    assert end_of(start(limited, work.arguments(workspace), said, LIMIT[what])) == 2, said.read_text()
    assert_one_message(said)
    assert work.run(workspace, said) == 0, said.read_text()
    assert work.result(workspace) == work.expected


def assert_one_message(said: Path) -> None:
    text = said.read_text()
    assert text.count("vspw: ") == 1, text
    assert "Traceback" not in text
    assert "No space left on device" in text or "File too large" in text or "got none left" in text, text
