"""One rank of the control: CONFIG METRICS; started by torchrun."""

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from hvdgan.backends.events import CONDITIONS, IMAGES, Arrays, fake_events, real_events
from hvdgan.backends.interface import GanSpec
from hvdgan.backends.model import Loss
from hvdgan.backends.torch.gan import PRECISIONS
from hvdgan.backends.torch.models import build_model
from hvdgan.backends.torch.optimizers import build_optimizer, set_rate
from hvdgan.config import Config, load
from hvdgan.data.stream import Stream, stream
from hvdgan.files import append_json_line
from hvdgan.parallel.ring import SoloRing
from hvdgan.run.build import make_spec, open_data, plan_course
from hvdgan.training.course import Course
from hvdgan.training.draws import draw
from hvdgan.training.rates import learning_rates

Events = dict[str, Tensor]


class Pair:
    """Generator and discriminator, each in a DistributedDataParallel: a trainer, as recipes ask for."""

    def __init__(self, spec: GanSpec) -> None:
        generator, discriminator, self.recipe = build_model(spec)
        self.dtype, self.bfloat16 = PRECISIONS[spec.precision], spec.precision == "bfloat16"
        layout = torch.channels_last_3d if spec.channels_last else torch.contiguous_format
        self.bare = {"generator": generator, "discriminator": discriminator}
        for network in self.bare.values():
            network.to(self.dtype).to(memory_format=layout)
        self.parallel = {name: self._spread(network) for name, network in self.bare.items()}
        self.optimizers = {
            name: build_optimizer(spec.optimizer, network, **spec.optimizer_args) for name, network in self.bare.items()
        }
        self.learns, self.losses = "discriminator", []

    def make(self, events: Events) -> Tensor:
        """Return the images that the generator makes of noise."""
        with self._autocast():
            return self._network("generator")(events).to(self.dtype)

    def imagine(self, events: Events) -> Events:
        """Return fakes with their images instead of their noise, made without a thought of gradients."""
        known = {name: events[name] for name in ("deposited", "label", *CONDITIONS) if name in events}
        with torch.no_grad():
            return {"images": self.make(events), **known}

    def judge(self, images: Tensor, events: Events) -> Events:
        """Return what the discriminator says."""
        with self._autocast():
            heads = self._network("discriminator")({**events, "images": images})
        return {name: head.to(self.dtype) for name, head in heads.items()}

    def step(self, real: Events, fakes: Sequence[Events]) -> Tensor:
        """Train both networks as their recipe says; return the discriminator's mean loss."""
        self.losses.clear()
        self.recipe.train(self, real, fakes)
        return torch.stack(self.losses).mean()

    def update(self, name: str, loss: Loss, *events: Events) -> None:
        """Take one step of a network down a loss, the other one frozen."""
        self.learns = name
        for other, network in self.bare.items():
            network.requires_grad_(other == name)
        total = loss(self, *events)[0]
        self.optimizers[name].zero_grad()
        total.backward()
        self.optimizers[name].step()
        if name == "discriminator":
            self.losses.append(total.detach())

    def _network(self, name: str) -> nn.Module:
        """Return the network that averages gradients while it learns, and else the bare one."""
        return (self.parallel if name == self.learns and torch.is_grad_enabled() else self.bare)[name]

    def _autocast(self) -> torch.autocast:
        """Compute in bfloat16 where the configuration says so."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16)

    def _spread(self, network: nn.Module) -> nn.Module:
        """Return a network whose gradients are averaged; statistics stay each rank's own, as in hvdgan."""
        return DistributedDataParallel(network, forward_sync_buffers=False, gradient_as_bucket_view=True)


def train(config: Config, course: Course, metrics: Path) -> None:
    """Train the epochs of a configuration; rank 0 notes how fast every step was."""
    rank, size, settings = distributed.get_rank(), distributed.get_world_size(), config.training
    calibration = course.calibrate(SoloRing(), config.gan.template)
    spec = make_spec(config, course.files.image_shape, course.particles, calibration, course.angles)
    pair, steps, done = Pair(spec), course.steps(size, settings.batch_size), 0
    for epoch in range(settings.epochs):
        with closing(_open(config, course, rank, size, epoch)) as batches:
            start, waited = time.perf_counter(), 0.0
            for showers in batches:
                batch = course.batch(showers)
                noise = draw(
                    settings.seed, done, rank * len(batch), len(batch), spec.latent_size, passes=pair.recipe.passes,
                    classes=len(course.particles), energies=course.energies, label_flip=settings.label_flip,
                )  # fmt: skip
                rates = learning_rates(settings, size, done, steps)
                set_rate(pair.optimizers["generator"], rates.generator)
                set_rate(pair.optimizers["discriminator"], rates.discriminator)
                torch.manual_seed(noise.seed)
                real = _tensors(real_events(batch, noise, len(spec.response), spec.template), pair.dtype)
                fakes = [
                    _tensors(fake_events(noise, number, spec.response, spec.template), pair.dtype)
                    for number in range(pair.recipe.passes)
                ]
                loss = pair.step(real, fakes)
                distributed.all_reduce(loss)
                done, now = done + 1, time.perf_counter()
                if rank == 0:
                    row = {"kind": "step", "steps": done, "discriminator_loss": loss.item() / size}
                    row["events_per_second"] = size * settings.batch_size / (now - start)
                    row["waited_fraction"] = min(1.0, (batches.waited - waited) / (now - start))
                    append_json_line(metrics, row)
                start, waited = now, batches.waited


def _open(config: Config, course: Course, rank: int, size: int, epoch: int) -> Stream:
    """Open this rank's batches of an epoch."""
    settings = config.training
    return stream(
        course.files, course.train, rank, size, settings.batch_size, settings.seed, epoch, settings.shuffle_block
    )


def _tensors(events: Arrays, dtype: torch.dtype) -> Events:
    """Return events as tensors; images get their channel axis."""
    channel = {name: events[name][:, None] for name in IMAGES if name in events}
    return {name: torch.as_tensor(array).to(dtype) for name, array in (events | channel).items()}


def main() -> None:
    """Read the command line, meet the other ranks, train."""
    config, metrics = load(Path(sys.argv[1])), Path(sys.argv[2])
    distributed.init_process_group("gloo")
    try:
        with open_data(config) as files:
            train(config, plan_course(config, files, None), metrics)
        distributed.barrier()  # a rank that leaves while another one still reduces takes it down
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
