"""What mmsegmentation's configs can name of ours: data sets, networks, losses, a metric. ``docs/mmseg.md`` shows how.

Importing this package registers everything, so that one line of a config is enough::

    custom_imports = dict(imports=["vspwlib.mmseg_bridge"], allow_failed_imports=False)

It needs mmseg and takes as long to import; nothing else of vspwlib imports it.
"""

import warnings
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from vspwlib.checks import fail


def register() -> None:
    """Enter our names into mmseg's registries. A second call changes nothing; a reloaded class replaces its old self.

    Raises:
        InputError: when somebody else has taken one of the names.
    """
    # mmcv warns about compiled ops that nothing here uses; mmseg prints that a service of its makers is not installed.
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore", UserWarning)
        from mmengine.registry import FUNCTIONS
        from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS

        from vspwlib.mmseg_bridge import datasets, heads, losses, metrics, networks

    _enter(DATASETS, datasets.VSPWDataset)
    _enter(DATASETS, datasets.VSPWClipDataset)
    _enter(TRANSFORMS, datasets.VSPWLoadAnnotations)
    _enter(FUNCTIONS, datasets.vspw_collate)
    _enter(MODELS, losses.VSPWPixelContrast)
    _enter(MODELS, losses.VSPWDice)
    _enter(MODELS, heads.VSPWContrastUPerHead)
    _enter(MODELS, networks.VSPWNetwork)
    _enter(METRICS, metrics.VSPWMetric)


def _enter(registry: Any, module: Any) -> None:
    """Register a class or function under its own name."""
    name = module.__name__
    known = registry.module_dict.get(name)  # of this registry alone: get() would ask its parents, too
    if known is module:
        return
    if known is not None and known.__module__ != module.__module__:
        fail(f"{registry.name} registry", expected=f"{name} to be free", got=f"one from {known.__module__}")
    registry.register_module(name=name, module=module, force=known is not None)


register()
