"""Captioning models in a Python session: open one and describe units. The workflow does the same for whole networks."""

from pathlib import Path

import numpy as np

from ..captioning.checkpoints.encoders import open_encoder
from ..captioning.checkpoints.native import read_captioner
from ..captioning.decoding.rerank import Candidate, describe
from ..captioning.model.captioner import Captioner
from ..captioning.model.encoder import encode_exemplars
from ..models.build.zoo import build_network
from ..models.device import choose_device
from ..models.weights.checkpoints import n_classes_of

ROOT = "resources/milan"


class Milan:
    """A captioning model with its encoder, ready to describe units.

    Parameters
    ----------
    captioner : Captioner
        The model.
    path : str
        Where it comes from, for messages.
    device : str
        As for `choose_device`.
    """

    def __init__(self, captioner: Captioner, *, path: str, device: str) -> None:
        place, record = choose_device(device), captioner.encoder
        network = build_network(record.config, n_classes=n_classes_of(record.weights, record.config, path=path), seed=0)
        self._encoder = open_encoder(record, network, path=path).to(place)
        self._decoder = captioner.decoder.to(place)
        self._language_model = captioner.language_model and captioner.language_model.to(place)
        self._indexer, self.settings = captioner.indexer, captioner.settings

    def describe(
        self,
        images: np.ndarray,
        masks: np.ndarray,
        *,
        strategy: str | None = None,
        beam_size: int | None = None,
        temperature: float | None = None,
        n_best: int = 1,
    ) -> list[Candidate]:
        """Describe a unit by its exemplars.

        Parameters
        ----------
        images : numpy.ndarray of shape (k, 3, H, W), uint8, RGB
            The exemplars, best first.
        masks : numpy.ndarray of shape (k, 1, H, W), uint8, 0 or 1
            Where the unit is active.
        strategy : str or None
            "rerank", "beam" or "greedy", the last two with mutual information if there is a language model; None for
            what the model was made for, as the other settings.
        beam_size : int or None
            Sentences considered.
        temperature : float or None
            Weight of the language model.
        n_best : int
            Sentences wanted.

        Returns
        -------
        list of Candidate
            The best sentences, best first, each with `text` and `score`.

        Raises
        ------
        ValueError
            If the images or masks are not such arrays, a setting is out of its bounds, or the strategy needs a language
            model that the model does not have.
        """
        settings, strategy = self.settings, strategy or self.settings.strategy
        features = encode_exemplars(self._encoder, [images[None]], [masks[None]])[0]
        found = describe(
            self._decoder,
            self._language_model,
            features,
            indexer=self._indexer,
            strategy=strategy,
            use_information=strategy != "rerank" and self._language_model is not None,
            length=settings.length,
            beam_size=settings.beam_size if beam_size is None else beam_size,
            temperature=settings.temperature if temperature is None else temperature,
            lm_sum=settings.lm_sum,
            n_best=n_best,
        )
        return found[0]


def pretrained(name: str, *, root: str | Path = ROOT, device: str = "auto") -> Milan:
    """Open a captioning model.

    Parameters
    ----------
    name : str
        `base`, `cls`, `gen`, `imagenet`, `places365`, `alexnet`, `resnet152`, `biggan` or `playground`; or the path of
        a safetensors file or of a published payload.
    root : str or pathlib.Path
        Where the named models are.
    device : str
        `auto`, `cpu` or `cuda`.

    Returns
    -------
    Milan
        The model.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message says how to make it.
    ValueError
        As `read_captioner`.
    """
    path = Path(name) if name.endswith((".pth", ".safetensors")) else Path(root) / f"{name}.safetensors"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; `snakemake --cores 2 {ROOT}/{name}.safetensors` makes it")
    return Milan(read_captioner(str(path)), path=str(path), device=device)
