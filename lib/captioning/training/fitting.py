"""Train a module: AdamW over shuffled items, early stopping, and resuming after an interruption."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ...models.device import seeded as seeded_device
from .resuming import read_state, training_key, write_state

LOG = logging.getLogger(__name__)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters of a training run.

    Parameters
    ----------
    epochs : int
        Maximum number of epochs.
    patience : int
        Early-stopping patience: training ends after more than this many epochs in a row without improvement.
    batch_size : int
        Captions per optimizer step.
    learning_rate : float
        Learning rate of AdamW.
    seed : int
        Seed of the order of the captions and of dropout.
    threads : int
        Number of Python threads that share an optimizer step; it does not change results.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    seed: int
    threads: int


class EarlyStopping:
    """Early stopping: keeps the best weights and decides when training ends.

    Parameters
    ----------
    module : nn.Module
        The module being trained.
    patience : int
        Number of epochs in a row without improvement before training ends.
    """

    def __init__(self, module: nn.Module, *, patience: int) -> None:
        self.module, self.patience = module, patience
        self.best, self.weights, self.without_improvement = -np.inf, self._copy(), 0

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}

    def should_stop(self, value: float) -> bool:
        """Record the validation score of an epoch (higher is better) and return whether to stop; ties are no improvement."""
        if value > self.best:
            self.best, self.weights, self.without_improvement = value, self._copy(), 0
        else:
            self.without_improvement += 1
        return self.without_improvement > self.patience

    def state_dict(self) -> dict[str, Any]:
        """Return the state, for `load_state_dict`."""
        return {"best": self.best, "weights": self.weights, "without_improvement": self.without_improvement}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self.best, self.weights, self.without_improvement = (
            state[name] for name in ("best", "weights", "without_improvement")
        )

    def restore(self) -> None:
        """Load the best weights and switch the module to evaluation mode."""
        self.module.load_state_dict(self.weights)
        self.module.eval()


@contextmanager
def seeded(*seed: int, device: torch.device = CPU) -> Iterator[None]:
    """Seed torch within the context and restore its global random state afterwards.

    Parameters
    ----------
    *seed : int
        The seed, followed by a spawn key that separates its uses.
    device : torch.device
        Where random numbers are drawn, besides the CPU.
    """
    with seeded_device(int(np.random.SeedSequence(seed[0], spawn_key=seed[1:]).generate_state(1)[0]), device):
        yield


def fit(
    module: nn.Module,
    losses_of: Callable[[torch.Tensor, torch.Generator], list[Callable[[], torch.Tensor]]],
    validation_score: Callable[[], float],
    *,
    n_items: int,
    settings: TrainingSettings,
    decisive: Sequence[Any],
    checkpoint: str | None,
) -> float:
    """Train on shuffled items until the validation score stops improving, and load the weights of the best epoch.

    Parameters
    ----------
    module : nn.Module
        The module to train; afterwards in evaluation mode.
    losses_of : callable
        Takes the positions of a step's items and a generator of random numbers, and returns functions whose values add
        up to the step's loss; they run on several threads.
    validation_score : callable
        Returns the validation score of the module, higher is better; called in inference mode.
    n_items : int
        Number of items in an epoch.
    settings : TrainingSettings
        Hyperparameters of the training run.
    decisive : sequence of objects
        Everything else that determines the result: tensors and settings used by `losses_of` and `validation_score`.
    checkpoint : str or None
        File that stores the state after each epoch, from which the same training resumes; None to store nothing.

    Returns
    -------
    float
        The best validation score.

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

    with seeded(settings.seed, 2, device=device), ThreadPoolExecutor(settings.threads) as pool:
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
                value = validation_score()
            if not np.isfinite([total, value]).all():
                raise ValueError(
                    f"training of {type(module).__name__} failed in epoch {epoch}: loss {total / n_items}, validation "
                    f"score {value}. Lower the config key milan.training.learning_rate, which is {settings.learning_rate}."
                )
            LOG.info(
                "%s, epoch %d: loss %.4f, validation score %.4f", type(module).__name__, epoch, total / n_items, value
            )
            epoch = settings.epochs if stopping.should_stop(value) else epoch + 1
            if checkpoint is not None:
                write_state(checkpoint, course.state(epoch), key=key)
    stopping.restore()
    return stopping.best


@dataclass(frozen=True)
class _Course:
    """The complete state of a training run."""

    module: nn.Module
    optimizer: torch.optim.Optimizer
    stopping: EarlyStopping
    generator: torch.Generator
    device: torch.device

    def state(self, epoch: int) -> dict[str, Any]:
        """Return the state from which training resumes with `epoch`."""
        parts = {name: getattr(self, name).state_dict() for name in ("module", "optimizer", "stopping")}
        random = [self.generator.get_state(), torch.get_rng_state()]
        if self.device.type == "cuda":
            random.append(torch.cuda.get_rng_state(self.device))
        return {"epoch": epoch, "random": random, **parts}

    def resume(self, state: dict[str, Any] | None) -> int:
        """Restore a state, if there is one, and return the next epoch."""
        if state is None:
            return 0
        for name in ("module", "optimizer", "stopping"):
            getattr(self, name).load_state_dict(state[name])
        own, shared, *device = state["random"]
        self.generator.set_state(own)
        torch.set_rng_state(shared)
        if device:
            torch.cuda.set_rng_state(device[0], self.device)
        LOG.info("%s: resuming after epoch %d", type(self.module).__name__, state["epoch"] - 1)
        return state["epoch"]
