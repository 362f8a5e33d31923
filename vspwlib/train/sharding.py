"""Training whose parameters, gradients, moments and average are shared out over the processes (FSDP).

Every process keeps its rows of each tensor. A layer's weights are gathered when the layer runs, forward and backward,
and let go afterwards; its gradient is averaged and shared out as soon as it is there. Files hold whole tensors, so that
a run goes on in another number of processes, or without sharding, and every other command reads its weights as any.

Source: Zhao et al., PyTorch FSDP, VLDB 2023; Rajbhandari et al., ZeRO, SC 2020 (stage 3). PyTorch's ``fully_shard``.
"""

import re
import warnings
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from vspwlib.checks import require

State = dict[str, Tensor]

#: Layers that a network has many of: the transformer's blocks, the adapter's parts, the layers of the query decoders.
_LAYER = re.compile(
    r"backbone\.(?:blocks|(?:stages|levels|layers)\.\d+\.blocks)\.\d+|"
    r"backbone\.interactions\.\d+\.(?:injector|extractor|extra_extractors\.\d+)|"
    r"decode_head\.(?:pixel_decoder\.encoder|transformer_decoder)\.layers\.\d+"
)


def sharding_strategy(world: int) -> ModelParallelStrategy:
    """Return the strategy under which Fabric shards a network that it sets up.

    Args:
        world: Processes in all; one makes a group of its own.
    """
    return ModelParallelStrategy(
        lambda model, mesh: shard(model, mesh["data_parallel"]), data_parallel_size=world, tensor_parallel_size=1
    )


def shards(fabric: Fabric) -> bool:
    """Tell whether a network that Fabric sets up is sharded."""
    return isinstance(fabric.strategy, ModelParallelStrategy)


def check_shardable(model: nn.Module) -> None:
    """Refuse a network that cannot be sharded.

    Raises:
        InputError: naming its parameters without dimensions.
    """
    scalars = [name for name, parameter in model.named_parameters() if parameter.ndim == 0]
    fix = "train.strategy=ddp, or contrast.learn_temperature=false where it is the temperature."
    require(not scalars, "train.strategy=fsdp", expected="parameters with rows", got=", ".join(scalars), fix=fix)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """Return the parts that are gathered one at a time: the network's repeated layers, else the root's children."""
    layers = [module for name, module in model.named_modules() if _LAYER.fullmatch(name)]
    if layers:
        return layers
    # A list of modules is never called itself, and only a call gathers weights.
    return [child for child in model.children() if type(child).forward is not nn.Module.forward and _has_weights(child)]


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def shard(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Share a network's parameters out over the processes, in place; they then lie on the mesh's device.

    Weights are gathered in their own precision, for autocast to narrow: the numbers are those of unsharded training
    (``docs/decisions/012-sharded-training.md``).

    Args:
        model: The network, the same in every process.
        mesh: One-dimensional.
    """
    for layer in layers_of(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    # PyTorch warns of outputs that are views, into which nobody may write: the losses do not.
    warnings.filterwarnings("ignore", rf"FSDP2-wrapped module \({type(model).__name__}\) returned a view")
    return model


def local(tensor: Tensor) -> Tensor:
    """Return this process's rows of a sharded tensor, which share its memory; another tensor as it is."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def gathered(value: Any, *, keep: bool) -> Any:
    """Return a state with its sharded tensors whole and on the CPU; all processes take part.

    Args:
        value: Nested dictionaries and lists. One tensor at a time is whole on the device.
        keep: Whether this process wants the result; others get empty tensors in place of whole ones.
    """
    if isinstance(value, DTensor):
        whole = value.full_tensor()
        return whole.cpu() if keep else whole.new_empty(0, device="cpu")
    if isinstance(value, Mapping):
        return {key: gathered(part, keep=keep) for key, part in value.items()}
    return [gathered(part, keep=keep) for part in value] if isinstance(value, list) else value


@torch.no_grad()
def placed(whole: Tensor, like: Tensor | None) -> Tensor:
    """Return this process's share of a whole tensor where ``like`` is sharded, else the tensor as it is."""
    if not isinstance(like, DTensor) or whole.shape != like.shape:  # loading it refuses another shape by name
        return whole
    return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None).clone()


def place_optimizer(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return an optimiser's whole state with moments sharded as the parameters are that they belong to."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments = {
        index: {name: placed(value, parameters[index]) for name, value in values.items()}
        for index, values in state["state"].items()
    }
    return {**state, "state": moments}


class ShardedAverage:
    """The moving average of a sharded network's parameters and buffers, each process with its rows.

    It follows PyTorch's ``AveragedModel``, which copies the network and cannot copy one that is sharded: the first step
    is taken over, later ones weigh 1 - decay.

    Args:
        model: The sharded network.
        decay: Of the average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._average = get_ema_multi_avg_fn(decay)
        self.n_averaged = torch.tensor(0)
        self._state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take in the network after a step."""
        alike: dict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = {}
        for mean, value in zip(self._state.values(), model.state_dict().values(), strict=True):
            means, values = alike.setdefault(mean.dtype, ([], []))
            means.append(local(mean))
            values.append(local(value))
        for means, values in alike.values():
            if self.n_averaged:
                self._average(means, values, self.n_averaged)
            else:
                torch._foreach_copy_(means, values)
        self.n_averaged += 1

    def state_dict(self) -> State:
        """Return the average under the network's names."""
        return self._state

    @torch.no_grad()
    def load_state_dict(self, state: State) -> None:
        """Take over a state of :meth:`state_dict`, whole or sharded."""
        for name, value in self._state.items():
            value.copy_(placed(state[name], value))


class WholeNetwork:
    """Makes a network of its own of a sharded one, to be run by each process apart; a class, to remember its structure.

    Args:
        model: The network before it is sharded.
        device: Where it is to run.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        weightless = {id(value): nn.Parameter(torch.empty_like(value, device="meta")) for value in model.parameters()}
        self._structure: nn.Module = deepcopy(model, weightless)
        self._device = device

    @torch.no_grad()
    def filled(self, state: State) -> nn.Module:
        """Return the network with a sharded state's weights; all processes take part, and get the same one.

        Args:
            state: The state dict; where it is not sharded, that of the first process counts.
        """
        whole = {}
        for name, value in state.items():
            if isinstance(value, DTensor):
                whole[name] = value.full_tensor()
            else:
                whole[name] = value.detach().clone()
                torch.distributed.broadcast(whole[name], src=0)
        network = deepcopy(self._structure)
        network.load_state_dict(whole, assign=True)
        return network.to(self._device)
