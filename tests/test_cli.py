"""The command line: what people type, what it prints, how it ends."""

import json
import re
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from vspwlib.cli import app, main
from vspwlib.predict.store import ScoreStore
from vspwlib.recipes import recipe

runner = CliRunner()


def fails(arguments: list[str], monkeypatch, capsys) -> str:
    """Run ``vspw`` as a process would; return the one message of its exit code 2."""
    monkeypatch.setattr(sys, "argv", ["vspw", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    *bars, message = capsys.readouterr().err.strip().splitlines()
    assert message.startswith("vspw: ")
    assert not [line for line in bars if "Error" in line or "Traceback" in line]
    return message


@pytest.mark.parametrize(
    "command",
    [
        ["demo"],
        ["train"],
        ["predict"],
        ["score"],
        ["compare"],
        ["doctor"],
        ["embedding"],
        *(["data", name] for name in ("check", "prepare", "make-mini")),
        *(["map", name] for name in ("report", "filter", "materialise")),
        ["submit"],
        ["smooth"],
        ["tables"],
        ["movie"],
        *(["import", name] for name in ("predictions", "mmseg-config")),
        *(["ensemble", name] for name in ("sweep", "write", "specialists")),
        ["models", "list"],
        *(["runs", name] for name in ("list", "show", "rm", "publish")),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself_with_an_example(command):
    result = runner.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output


def test_no_help_holds_what_looks_like_a_tag():
    """Markdown would drop it without a word."""

    def texts(command):
        yield command.help or ""
        yield from (parameter.help or "" for parameter in command.params if hasattr(parameter, "help"))
        for below in getattr(command, "commands", {}).values():
            yield from texts(below)

    found = [*texts(get_command(app))]
    assert len(found) > 100
    assert not [text for text in found if re.search(r"<\w", text)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "upernet_swin_tiney"], "did you mean 'upernet_swin_tiny'"),
        (["train", "upernet_swin_tiny", "--profile", "camvd"], "did you mean 'camvid'"),
        (["train", "upernet_swin_tiny", "--data", "/nowhere"], "nothing there (/nowhere)"),
        (["train", "upernet_swin_tiny", "--set", "optim.lr"], "expected key=value"),
        (["train", "upernet_swin_tiny", "--set", "optim.lr=fast"], "expected float, got 'fast' (optim.lr)"),
        (["predict", "nobody", "--split", "val"], "got 'nobody'"),
        (["predict", "nobody", "--input", "a.mp4", "--store", "s3://b/a.zarr"], "--store: expected a split"),
        (["score", "/nowhere", "/nowhere", "--split", "val"], "nothing there"),
        (["score"], "expected predictions or --baseline prior"),
        (["data", "check", "/nowhere"], "/nowhere"),
        (["map", "filter", "--dataset", "cocostuf", "--root", "/nowhere"], "did you mean 'cocostuff'"),
        (["map", "filter", "--dataset", "cocostuff", "--root", "/nowhere"], "nothing there (/nowhere)"),
        (["map", "filter", "--dataset", "cocostuff", "--denominator", "valid"], "expected one of all, labelled"),
        (["map", "materialise", "--dataset", "ade20k", "--out", "/nowhere"], "--root: expected the folder of ade20k"),
        (["runs", "show", "nobody"], "got 'nobody'"),
        (["ensemble", "sweep", "a", "b", "--split", "val"], "vspw predict a --split val"),
        (["compare", "a", "b"], "run: expected one of none yet, got 'a'"),
        (["ensemble", "write", "a", "b", "--split", "val", "--name", "c", "--mean"], "vspw predict a --split val"),
        (["ensemble", "write", "a", "b", "--split", "val", "--name", "c"], "expected one of --tau, --weights"),
        (["import", "predictions", "/nowhere", "--name", "c", "--split", "val"], "name it with --data vspw=PATH"),
        (["tables", "7", "--no-run"], "expected one of 1, 2, 3, 4, 5, 6, got 7"),
        (["tables", "2", "--profile", "camvid"], "name it: --profile camvid --data PATH"),
        (["tables", "2", "--profile", "camvid", "--seeds", "0;1"], "--seeds: expected numbers, got '0;1'"),
        (["submit", "/nowhere", "--split", "val", "--out", "a.zip"], "nothing there (/nowhere)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_ends_with_one_message(arguments, message, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("VSPW_WORKSPACE", str(tmp_path / "workspace"))
    assert message in fails(arguments, monkeypatch, capsys)
    assert not (tmp_path / "workspace").exists()


def test_models_list_counts_parameters():
    rows = json.loads(runner.invoke(app, ["models", "list", "--json"]).output)
    sizes = {row["name"]: row["parameters"] for row in rows}
    assert sizes["upernet_swin_tiny"] < 10e6 < sizes["upernet_swin_t"] < sizes["upernet_swin_l"]


def test_doctor_names_the_machine_and_the_workspace(tmp_path):
    facts = json.loads(runner.invoke(app, ["doctor", "--json", "--workspace", str(tmp_path / "ws")]).output)
    assert "cores" in facts["machine"]
    assert "not made yet" in facts["workspace"]
    assert facts["torch"]
    assert facts["memory"].endswith("GiB")
    assert not [one for one in facts["to do"] if "pip" in one]


def test_doctor_says_what_to_do(tmp_path, monkeypatch):
    from vspwlib.cli import doctor
    from vspwlib.runs import Workspace

    Workspace(tmp_path).add_data("vspw", tmp_path / "gone")
    monkeypatch.setitem(doctor._NEEDED_FOR, "no-such-package", ("nothing", ".[none]"))
    said = runner.invoke(app, ["doctor", "--workspace", str(tmp_path)]).output
    assert "to do: make setup, or pip install '.[none]' in the checkout, for nothing" in said
    assert f"to do: bring vspw back to {tmp_path / 'gone'}" in said.replace("\n", " ")


def test_doctor_knows_what_triton_compiles_with(tmp_path, monkeypatch):
    import shutil
    import sysconfig

    import torch

    from vspwlib.cli import doctor

    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert doctor._lacking_for_triton() == []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert doctor._lacking_for_triton() == ["a C compiler (gcc)", "Python's headers (python3-dev)"]
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "gcc" else None)
    assert doctor._lacking_for_triton() == []


def test_the_whole_job_through_the_command_line(tmp_path):
    """A stopped training exits with 130 and goes on; then predict, score as JSON, and list."""
    data, workspace = tmp_path / "tree", ["--workspace", str(tmp_path / "ws")]
    _write_tree(data)
    small = {
        "augment.crop": "[32,32]",
        "augment.short_side": "32",
        "train.iterations": "4",
        "train.batch_size": "2",
        "train.checkpoint_every": "2",
        "train.log_every": "1",
        "train.workers": "0",
        "train.val_every": "0",
    }
    settings = [part for key, value in small.items() for part in ("--set", f"{key}={value}")]
    command = ["train", "upernet_swin_tiny", "--data", str(data), "--json", *workspace, *settings]
    trained = runner.invoke(app, command)
    assert trained.exit_code == 0, trained.output
    summary = json.loads(trained.output)
    assert summary["iterations"] == 4

    predicted = runner.invoke(
        app, ["predict", summary["run"], "--split", "val", "--set", "flip=false", "--json", *workspace]
    )
    assert predicted.exit_code == 0, predicted.output
    refused = runner.invoke(app, ["predict", summary["run"], "--split", "val", "--scales", "1,0", *workspace])
    assert "predict.scales: expected different ratios above 0" in str(refused.exception)
    several = ["predict", summary["run"], "--split", "train", "--scales", "0.5,1", "--scales", "2", *workspace]
    written = runner.invoke(app, [*several, "--set", "average=scores", "--json"])
    settings = ScoreStore.open(json.loads(written.output)["store"]).manifest["predict"]
    assert (settings["scales"], settings["average"]) == ([0.5, 1.0, 2.0], "scores")
    again = runner.invoke(app, [*several, "--json"])
    assert 'got {"average": "scores"' in str(again.exception)  # another mean is another prediction
    store = json.loads(predicted.output)["store"]

    scored = runner.invoke(app, ["score", store, "--baseline", "prior", "--json"])
    assert scored.exit_code == 0, scored.output
    figures = json.loads(scored.output)
    assert 0 <= figures["miou"] <= 1
    assert figures["baseline"]["miou"] == 1.0  # both splits show the same picture
    assert figures.keys() >= {"pixel_acc", "fwiou", "vc8", "vc16", "per_class", "per_video"}

    rows = json.loads(runner.invoke(app, ["runs", "list", "--json", *workspace]).output)
    assert {row["split"]: row["miou"] for row in rows} == {"train": None, "val": figures["miou"]}
    assert json.loads(runner.invoke(app, ["runs", "show", summary["run"], *workspace]).output)["finished"]
    assert runner.invoke(app, ["runs", "rm", summary["run"], "--yes", *workspace]).exit_code == 0
    assert json.loads(runner.invoke(app, ["runs", "list", "--json", *workspace]).output) == []


def _write_tree(root) -> None:
    import numpy as np
    from PIL import Image

    mask = np.full((32, 48), 1, np.uint8)
    mask[8:24, 8:30] = 49
    for split in ("train", "val"):
        (root / f"{split}.txt").parent.mkdir(parents=True, exist_ok=True)
        (root / f"{split}.txt").write_text(f"{split}_video")
        for part, array in (("origin", np.stack([mask * 4] * 3, -1)), ("mask", mask)):
            folder = root / "data" / f"{split}_video" / part
            folder.mkdir(parents=True)
            suffix = "jpg" if part == "origin" else "png"
            for frame in (5, 6):
                Image.fromarray(array).save(folder / f"{frame:08d}.{suffix}")


@pytest.mark.slow
def test_ctrl_c_saves_and_exits_with_130(tmp_path):
    """A real process, a real SIGINT."""
    import signal

    data = tmp_path / "tree"
    _write_tree(data)
    settings = [
        "train.workers=0",
        "train.log_every=1",
        "train.iterations=100000",
        "augment.crop=[32,32]",
        "train.batch_size=2",
    ]
    command = [
        sys.executable,
        "-m",
        "vspwlib",
        "train",
        "upernet_swin_tiny",
        "--data",
        str(data),
        "--workspace",
        str(tmp_path / "ws"),
    ]
    command += [part for setting in settings for part in ("--set", setting)]
    log = tmp_path / "ws" / "runs" / "mini-upernet_swin_tiny-s0" / "log.jsonl"
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while process.poll() is None and not log.is_file():
            pass
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "Repeat the command with --resume" in errors
    assert list((log.parent / "checkpoints").glob("step-*"))


def test_recipes_name_their_profile():
    assert recipe("t3_nce2", "mini").profile == "mini"
