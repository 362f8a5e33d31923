"""UPerNet on Swin-T, trained with the contrastive loss on clips of two frames: an example for mmseg's Runner.

``docs/mmseg.md`` says how to run it. Crop, iterations, rate and loss weights are the paper's (1 cross-entropy, 5 Dice,
0.1 contrastive); the network is smaller. A test trains and validates this file, made small; nobody has at this size.
"""

custom_imports = dict(imports=["vspwlib.mmseg_bridge"], allow_failed_imports=False)
default_scope = "mmseg"
work_dir = "work_dirs/upernet_swin_t_nce2"

data_root = "data/VSPW_480p"
crop = (480, 480)
iterations = 40_000
clips = 2  # an iteration and process, of two frames each
processes = 2  # that the training is started with
workers = 8

norm = dict(type="BN", requires_grad=True)
sync_bn = "torch"  # where several processes train
checkpoint = (
    "https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/swin/swin_tiny_patch4_window7_224_20220317-1cdeb081.pth"
)

model = dict(
    type="EncoderDecoder",
    # Clips come normalised, and the pipelines below normalise: so this neither does nor swaps channels.
    data_preprocessor=dict(type="SegDataPreProcessor", mean=None, std=None, size=crop, pad_val=0, seg_pad_val=255),
    backbone=dict(
        type="SwinTransformer",
        embed_dims=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        drop_path_rate=0.3,
        init_cfg=dict(type="Pretrained", checkpoint=checkpoint),
    ),
    decode_head=dict(
        type="VSPWContrastUPerHead",
        in_channels=[96, 192, 384, 768],
        in_index=[0, 1, 2, 3],
        channels=512,
        num_classes=124,
        norm_cfg=norm,
        loss_decode=[
            dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=1.0),
            dict(type="VSPWDice", loss_weight=5.0),
        ],
        loss_contrast=dict(type="VSPWPixelContrast", loss_weight=0.1, temperature=0.1),
        projection_channels=256,
    ),
    auxiliary_head=dict(
        type="FCNHead",
        in_channels=384,
        in_index=2,
        channels=256,
        num_convs=1,
        concat_input=False,
        num_classes=124,
        norm_cfg=norm,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.4),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)

train_dataloader = dict(
    batch_size=clips,
    num_workers=workers,
    persistent_workers=workers > 0,
    sampler=dict(type="InfiniteSampler", shuffle=False),  # the data set is a shuffled stream already
    collate_fn=dict(type="vspw_collate"),
    dataset=dict(
        type="VSPWClipDataset",
        data_root=data_root,
        split="train",
        length=iterations * clips * processes,
        frames=2,
        gap=1,
        crop=crop,
        scale=(0.5, 2.0),
    ),
)

val_dataloader = dict(
    batch_size=1,
    num_workers=workers,
    persistent_workers=workers > 0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="VSPWDataset",
        data_root=data_root,
        split="val",
        test_mode=True,
        pipeline=[
            # Pillow, orientation tags ignored: the pixels that training sees
            dict(type="LoadImageFromFile", imdecode_backend="pillow", color_type="color_ignore_orientation"),
            dict(type="VSPWLoadAnnotations"),
            dict(type="Normalize", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
            dict(type="PackSegInputs"),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="VSPWMetric")
test_evaluator = val_evaluator

optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=2e-5, weight_decay=0.01),
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys={"relative_position_bias_table": dict(decay_mult=0.0)}),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type="PolyLR", eta_min=0.0, power=1.0, by_epoch=False, begin=1500, end=iterations),
]

train_cfg = dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=4000)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
log_processor = dict(by_epoch=False)
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
    checkpoint=dict(
        type="CheckpointHook",
        by_epoch=False,
        interval=4000,
        save_best="vspw/mIoU",
        published_keys=["state_dict"],  # weights alone, at the end
    ),
)
