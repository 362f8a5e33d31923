"""The numbers of one training."""

from dataclasses import dataclass

from vspwlib.train.optim import DecayRule


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Numbers of one training; see :mod:`vspwlib.config` for what each means.

    Attributes:
        iterations: Optimiser steps.
        accumulate: Micro-batches per step.
        seed: Seed of initialisation, augmentation, dropout and loss points.
        lr: Peak learning rate.
        weight_decay: AdamW's decay.
        betas: AdamW's moments.
        warmup: Steps of linear warm-up.
        warmup_ratio: Share of the peak at step 0.
        power: Power of the polynomial decay.
        layer_decay: Factor on the learning rate from each layer to the one below, or None.
        decay_rule: Which tensors are spared weight decay: ``swin`` or ``beit``.
        head_quirk: Give a query head's own embeddings the smallest rate, as officially.
        clip_norm: Largest gradient norm, or None.
        ema: Decay of the weight average, or None.
        checkpoint_every: Steps between snapshots.
        val_every: Steps between validations, 0 for none.
        log_every: Steps between log records.
        max_bad_steps: Steps in a row whose loss or gradient may be NaN or infinite; they are skipped.
    """

    iterations: int
    accumulate: int = 1
    seed: int = 0
    lr: float
    weight_decay: float
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: int = 0
    warmup_ratio: float = 1e-6
    power: float = 1.0
    layer_decay: float | None = None
    decay_rule: DecayRule = "swin"
    head_quirk: bool = True
    clip_norm: float | None = None
    ema: float | None = None
    checkpoint_every: int
    val_every: int = 0
    log_every: int = 50
    max_bad_steps: int = 10
