"""Split layers: who has which duty, and the same outputs and gradients as in one piece, to second order."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from hvdgan.backends.interface import GanSpec
from hvdgan.backends.partition import Kind, plan_row
from hvdgan.backends.torch import collectives
from hvdgan.backends.torch.examine import unchanged
from hvdgan.backends.torch.sharding import list_whole, split_networks
from hvdgan.backends.torch.state import name_tensors, to_array
from hvdgan.errors import ConfigError
from hvdgan.parallel.shards import cut

CONV, DENSE, LEAKY, NORM = Kind("filters", 1, 8), Kind("filters", -1, 6), Kind("apart"), Kind("norm", 1)


class Shard:
    """One of some shards that are threads of this process."""

    def __init__(self, index, count, meeting, told):
        self.index, self.count, self._meeting, self._told = index, count, meeting, told

    def __deepcopy__(self, memory):
        """Return itself."""
        return self

    def _exchange(self, tensor):
        self._told[self.index] = tensor.detach()
        self._meeting.wait(20)
        everything = list(self._told)
        self._meeting.wait(20)
        return everything

    def join(self, tensor):
        """Join the tensors of all threads."""
        return torch.cat(self._exchange(tensor))

    def total(self, tensor):
        """Add up the tensors of all threads."""
        return sum(self._exchange(tensor))

    def scatter(self, tensor):
        """Return a part of the sum."""
        return self.total(tensor)[cut(len(tensor), self.count)[self.index]]


def in_shards(count, work):
    """Return what each of some shards returns from `work(shard)`."""
    meeting, told = threading.Barrier(count), [None] * count
    shards = [Shard(index, count, meeting, told) for index in range(count)]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, shards))


class Branched(nn.Module):
    """Layers in a row and outside of one, one of them used twice."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv3d(1, 6, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.BatchNorm3d(6),
            nn.Upsample(scale_factor=2),
            nn.ConvTranspose3d(6, 5, 3, padding=1),
            nn.ReLU(),
            nn.Conv3d(5, 4, 3, groups=1, padding=1),
            nn.AvgPool3d(2),
        )
        self.again, self.grouped = nn.Conv3d(4, 4, 1), nn.Conv3d(4, 4, 1, groups=2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 27, 7), nn.Tanh(), nn.Linear(7, 5), nn.Linear(5, 1))

    def forward(self, events):
        """Return one head."""
        seen = self.again(self.again(self.trunk(events["images"]))) + self.grouped(self.trunk(events["images"]))
        return {"generation": self.head(seen)[:, 0]}


def learn(network, images):
    """Return what a network says, its slopes, and the gradients of a penalty on these."""
    images = images.clone().requires_grad_()
    said = network({"images": images})["generation"]
    (slopes,) = torch.autograd.grad((said**2).sum(), images, create_graph=True)
    ((slopes**2).sum() + said.sum()).backward()
    gradients = {f"discriminator/{name}": weight.grad for name, weight in name_tensors(network) if weight.requires_grad}
    return said.detach(), slopes.detach(), {name: to_array(gradient) for name, gradient in gradients.items()}


@pytest.mark.parametrize(("layout", "room"), [(torch.contiguous_format, 1), (torch.channels_last_3d, collectives.ROOM)])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_split_network_is_the_same_to_second_order(count, layout, room, monkeypatch):
    monkeypatch.setattr(collectives, "ROOM", room)
    torch.manual_seed(1)
    whole = Branched().double().to(memory_format=layout)
    images = torch.rand(5, 1, 3, 3, 3, dtype=torch.float64)
    copies = [copy.deepcopy(whole) for _ in range(count)]

    def work(shard):
        network = copies[shard.index]
        partition = split_networks({"discriminator": network}, shard)
        said, slopes, gradients = learn(network, images)
        state = {f"discriminator/{name}": to_array(tensor) for name, tensor in name_tensors(network)}
        return said, slopes, partition.whole(gradients), partition.whole(state)

    said, slopes, gradients = learn(whole, images)
    state = {f"discriminator/{name}": to_array(tensor) for name, tensor in name_tensors(whole)}
    for found in in_shards(count, work):
        assert torch.allclose(found[0], said, rtol=1e-12, atol=1e-12)
        assert torch.allclose(found[1], slopes, rtol=1e-12, atol=1e-12)
        for before, after in ((gradients, found[2]), (state, found[3])):
            assert before.keys() == after.keys()
            assert all(np.allclose(after[name], array, rtol=1e-11, atol=1e-12) for name, array in before.items())


def test_what_is_not_split_is_named_with_the_reason():
    network = Branched()
    network.tied = nn.Linear(4, 4)
    network.again_tied = nn.Linear(4, 4)
    network.again_tied.weight = network.tied.weight
    network.spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    network.norm = nn.BatchNorm3d(4)
    network.strange = nn.PReLU()
    told = dict(list_whole({"discriminator": network}, 3))
    assert told.pop("discriminator/head/4") == "has 1 filter for 3 shards"
    assert told.pop("discriminator/grouped") == "has groups of channels"
    assert told.pop("discriminator/tied") == "shares its weights with another layer"
    assert told.pop("discriminator/again_tied") == "shares its weights with another layer"
    assert told.pop("discriminator/spectral") == "computes its kernel from other weights"
    assert told.pop("discriminator/norm") == "gets whole activations"
    assert told.pop("discriminator/strange") == "is of a kind that is not split"
    assert all(name.startswith("discriminator/spectral/") for name in told)


class Outside(nn.Module):
    """Uses the weights of a layer outside of that layer."""

    def __init__(self, shape):
        super().__init__()
        self.layer, self.shape = nn.Linear(4, shape[0] * shape[1] * shape[2]), shape

    def forward(self, events):
        """Return images, scaled by a norm that each shard takes of its own weights."""
        image = self.layer(events["noise"]) * self.layer.weight.norm()
        return image.reshape(-1, 1, *self.shape) ** 2


def test_a_model_that_is_not_the_same_in_shards_is_refused():
    spec = GanSpec((3, 3, 3), 4, model="mine:build")
    networks = [{"generator": Outside((3, 3, 3)), "discriminator": Branched()}]
    networks.append(copy.deepcopy(networks[0]))

    def place(arrays):
        return {
            name: torch.from_numpy(np.asarray(array[:, None] if name == "images" else array)).float()
            for name, array in arrays.items()
        }

    def work(shard):
        with (
            pytest.raises(ConfigError, match="split over 2 shards, mine:build returns another image"),
            unchanged(spec, networks[shard.index], place, 2),
        ):
            split_networks(networks[shard.index], shard)
        return True

    assert in_shards(2, work) == [True, True]


def test_duties_of_a_row():
    def told(*kinds):
        return [duty and (duty.takes, duty.joins, duty.given, duty.channels) for duty in plan_row(kinds)]

    first, apart = ("whole", False, 0, 8), ("apart", False, 8, 8)
    assert told(CONV) == [("whole", True, 0, 8)]
    assert told(CONV, LEAKY, NORM, CONV) == [first, apart, apart, ("parts", True, 8, 8)]
    assert told(LEAKY, NORM, Kind()) == [None, None, None]
    assert told(CONV, Kind(), CONV) == [("whole", True, 0, 8), None, ("whole", True, 0, 8)]
    assert told(DENSE, NORM) == [("whole", True, 0, 6), None]
    assert told(CONV, DENSE) == [("whole", True, 0, 8), ("whole", True, 0, 6)]
