"""The parts of :func:`vspwlib.losses.contrastive.pixel_contrast_loss`: ways to compute it, samplers, a memory."""
