"""The memory of other clips: what enters, what leaves, what is read."""

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.losses.contrast.memory import MemoryBank


def clip(label, rows=10, value=1.0):
    return torch.full((rows, 3), value), torch.full((rows,), label)


def test_the_newest_stay_in_a_ring():
    bank = MemoryBank(6, per_clip=4)
    assert bank.read() is None
    bank.write([clip(1)])
    assert bank.read().labels.tolist() == [1, 1, 1, 1, -1, -1]
    before = bank.read()
    bank.write([clip(2, value=2.0)])
    assert bank.read().labels.tolist() == [2, 2, 1, 1, 2, 2]
    assert bank.read().features[:, 0].tolist() == [2, 2, 1, 1, 2, 2]
    assert before.labels.tolist() == [1, 1, 1, 1, -1, -1]  # a step that read it keeps what it read
    bank.write([clip(3), clip(4)])
    assert sorted(bank.read().labels.tolist()) == [3, 3, 4, 4, 4, 4]


def test_void_enters_only_where_nothing_else_is_left():
    labels = torch.tensor([5, -1, -1, 5, -1, -1])
    bank = MemoryBank(4, per_clip=4)
    bank.write([(torch.arange(18.0).view(6, 3), labels)])
    assert sorted(bank.read().labels.tolist()) == [-1, -1, 5, 5]


def test_classes_have_equal_chances():
    torch.manual_seed(0)
    labels = torch.tensor([7] * 990 + [8] * 10)
    features = torch.randn(1000, 3)
    drawn = []
    for _ in range(200):
        bank = MemoryBank(1, per_clip=1)
        bank.write([(features, labels)])
        drawn.append(int(bank.read().labels))
    assert 70 < drawn.count(8) < 130  # by patches it would be two of 200


def test_no_patch_is_drawn_twice_and_features_stay_with_their_labels():
    labels = torch.arange(8)
    features = labels[:, None].float().repeat(1, 3).requires_grad_()
    bank = MemoryBank(8, per_clip=8)
    bank.write([(features, labels)])
    kept = bank.read()
    assert sorted(kept.labels.tolist()) == list(range(8))
    assert torch.equal(kept.features[:, 0].long(), kept.labels)
    assert not kept.features.requires_grad


def test_its_state_goes_on_elsewhere():
    bank, other = MemoryBank(6, per_clip=4), MemoryBank(6, per_clip=4)
    assert bank.state_dict() == {}
    bank.write([clip(1)])
    other.load_state_dict(bank.state_dict())
    for memory in (bank, other):
        memory.write([clip(2)])
    assert torch.equal(bank.read().labels, other.read().labels)
    with pytest.raises(InputError, match="a memory of 5, got 6"):
        MemoryBank(5, per_clip=4).load_state_dict(bank.state_dict())


def test_a_clip_cannot_leave_more_than_there_is_room_for():
    with pytest.raises(InputError, match=r"contrast\.bank_patches"):
        MemoryBank(5, per_clip=6)
