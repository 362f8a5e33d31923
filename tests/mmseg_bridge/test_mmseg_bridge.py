"""Registration: by import, once, and again without harm."""

import importlib
import subprocess
import sys

import pytest
from mmengine.registry import FUNCTIONS
from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS

from vspwlib import mmseg_bridge
from vspwlib.checks import InputError

NAMES = {
    DATASETS: ["VSPWDataset", "VSPWClipDataset"],
    TRANSFORMS: ["VSPWLoadAnnotations"],
    FUNCTIONS: ["vspw_collate"],
    MODELS: ["VSPWPixelContrast", "VSPWDice", "VSPWContrastUPerHead", "VSPWNetwork"],
    METRICS: ["VSPWMetric"],
}


def registered():
    return {name: registry.module_dict[name] for registry, names in NAMES.items() for name in names}


def test_importing_registers_everything_and_a_second_call_changes_nothing():
    before = registered()
    assert all(module.__module__.startswith("vspwlib.mmseg_bridge.") for module in before.values())
    assert all(module.__name__ == name for name, module in before.items())
    mmseg_bridge.register()
    assert registered() == before


def test_a_reloaded_class_replaces_its_old_self():
    from vspwlib.mmseg_bridge import losses

    old = MODELS.get("VSPWDice")
    try:
        importlib.reload(losses)
        importlib.reload(mmseg_bridge)
        assert MODELS.get("VSPWDice") is losses.VSPWDice
        assert losses.VSPWDice is not old
    finally:
        losses.VSPWDice = old
        mmseg_bridge.register()
    assert MODELS.get("VSPWDice") is old


def test_a_name_that_somebody_else_took_is_refused(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, "VSPWDice", pytest.Item)
    with pytest.raises(InputError, match="model registry: expected VSPWDice to be free, got one from _pytest"):
        mmseg_bridge.register()


def test_importing_prints_nothing(repository):
    code = "import vspwlib.mmseg_bridge"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
