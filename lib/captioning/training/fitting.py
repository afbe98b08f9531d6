"""Fitting of a module: steps of AdamW over shuffled items, the best epoch's weights, and resuming after a kill."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .resuming import read_state, training_key, write_state

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSettings:
    """How long and in what steps to train.

    Parameters
    ----------
    epochs : int
        Most epochs.
    patience : int
        Epochs in a row without improvement that are borne; the next one ends the training.
    batch_size : int
        Captions in a step.
    learning_rate : float
        AdamW's learning rate.
    seed : int
        Of the order of the captions and of dropout.
    threads : int
        Number of Python threads that share a step; no result depends on it.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    seed: int
    threads: int


class EarlyStopping:
    """Remember the best weights, and tell when to stop looking for better ones.

    Parameters
    ----------
    module : nn.Module
        What is trained.
    patience : int
        Epochs in a row without improvement that are borne.
    """

    def __init__(self, module: nn.Module, *, patience: int) -> None:
        self.module, self.patience = module, patience
        self.best, self.weights, self.without_improvement = -np.inf, self._copy(), 0

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}

    def should_stop(self, value: float) -> bool:
        """Take the worth of an epoch, of which more is better; only a strict improvement counts."""
        if value > self.best:
            self.best, self.weights, self.without_improvement = value, self._copy(), 0
        else:
            self.without_improvement += 1
        return self.without_improvement > self.patience

    def state_dict(self) -> dict[str, Any]:
        """Return what it remembers."""
        return {"best": self.best, "weights": self.weights, "without_improvement": self.without_improvement}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember what another one did, which is its `state_dict`."""
        self.best, self.weights, self.without_improvement = (
            state[name] for name in ("best", "weights", "without_improvement")
        )

    def restore(self) -> None:
        """Put the best weights back and leave the module in evaluation mode."""
        self.module.load_state_dict(self.weights)
        self.module.eval()


@contextmanager
def seeded(*seed: int) -> Iterator[None]:
    """Seed torch for as long as the context lasts; its global random state is as before afterwards.

    Parameters
    ----------
    *seed : int
        The seed, and what tells this use of it from others.
    """
    with torch.random.fork_rng():
        torch.manual_seed(int(np.random.SeedSequence(seed[0], spawn_key=seed[1:]).generate_state(1)[0]))
        yield


def fit(
    module: nn.Module,
    losses_of: Callable[[torch.Tensor, torch.Generator], list[Callable[[], torch.Tensor]]],
    worth: Callable[[], float],
    *,
    n_items: int,
    settings: TrainingSettings,
    decisive: Sequence[Any],
    checkpoint: str | None,
) -> float:
    """Take steps of shuffled items until nothing improves, and give the module the weights of its best epoch.

    Parameters
    ----------
    module : nn.Module
        What is trained; afterwards in evaluation mode.
    losses_of : callable
        Takes the positions of a step's items and a generator of random numbers, and returns functions whose values add
        up to the step's loss; they run on several threads.
    worth : callable
        Returns what an epoch is worth, of which more is better; called in inference mode.
    n_items : int
        Number of items in an epoch.
    settings : TrainingSettings
        How long and in what steps.
    decisive : sequence of objects
        All else that decides the result: the tensors and settings which `losses_of` and `worth` read.
    checkpoint : str or None
        File that keeps the state after each epoch, from which the same training goes on; None to keep nothing.

    Returns
    -------
    float
        The best worth.

    Raises
    ------
    ValueError
        If a loss is not finite.
    """
    parameters = list(module.parameters())
    device = parameters[0].device
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate)
    stopping = EarlyStopping(module, patience=settings.patience)

    def differentiate(loss: Callable[[], torch.Tensor]) -> tuple[float, tuple[torch.Tensor, ...]]:
        torch.set_num_threads(1)  # this setting belongs to the thread
        value = loss()
        return value.item(), torch.autograd.grad(value, parameters)

    with seeded(settings.seed, 2), ThreadPoolExecutor(settings.threads) as pool:
        generator = torch.Generator().manual_seed(torch.initial_seed())
        course = _Course(module, optimizer, stopping, generator, device)
        epoch = 0
        if checkpoint is not None:
            own = {name: value for name, value in asdict(settings).items() if name != "threads"}
            key = training_key(own, device.type, *stopping.weights.values(), *decisive)
            epoch = course.resume(read_state(checkpoint, key=key))
        while epoch < settings.epochs:
            module.train()
            total = 0.0
            for places in torch.randperm(n_items, generator=generator).split(settings.batch_size):
                values, gradients = zip(*pool.map(differentiate, losses_of(places, generator)), strict=True)
                for parameter, *parts in zip(parameters, *gradients, strict=True):
                    parameter.grad = sum(parts[1:], start=parts[0])
                optimizer.step()
                total += sum(values) * len(places)
            module.eval()
            with torch.inference_mode():
                value = worth()
            if not np.isfinite([total, value]).all():
                raise ValueError(
                    f"the training of {type(module).__name__} failed in epoch {epoch}: loss {total / n_items}, held-out "
                    f"{value}. Lower the config key milan.training.learning_rate, which is {settings.learning_rate}."
                )
            LOG.info("%s, epoch %d: loss %.4f, held-out %.4f", type(module).__name__, epoch, total / n_items, value)
            epoch = settings.epochs if stopping.should_stop(value) else epoch + 1
            if checkpoint is not None:
                write_state(checkpoint, course.state(epoch), key=key)
    stopping.restore()
    return stopping.best


@dataclass(frozen=True)
class _Course:
    """All that changes while a module is trained."""

    module: nn.Module
    optimizer: torch.optim.Optimizer
    stopping: EarlyStopping
    generator: torch.Generator
    device: torch.device

    def state(self, epoch: int) -> dict[str, Any]:
        """Return what the epochs from `epoch` on need to know."""
        parts = {name: getattr(self, name).state_dict() for name in ("module", "optimizer", "stopping")}
        random = [self.generator.get_state(), torch.get_rng_state()]
        if self.device.type == "cuda":
            random.append(torch.cuda.get_rng_state(self.device))
        return {"epoch": epoch, "random": random, **parts}

    def resume(self, state: dict[str, Any] | None) -> int:
        """Go back to a state, if there is one, and return the epoch that comes next."""
        if state is None:
            return 0
        for name in ("module", "optimizer", "stopping"):
            getattr(self, name).load_state_dict(state[name])
        own, shared, *device = state["random"]
        self.generator.set_state(own)
        torch.set_rng_state(shared)
        if device:
            torch.cuda.set_rng_state(device[0], self.device)
        LOG.info("%s: going on after epoch %d", type(self.module).__name__, state["epoch"] - 1)
        return state["epoch"]
