"""Networks: backbones and heads behind one :class:`~vspwlib.models.segmenter.Segmenter`, and the zoo of them."""
