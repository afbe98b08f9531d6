"""Captioning models in a Python session: open one and describe units."""

from pathlib import Path
from typing import Any

import numpy as np

from ..captioning.checkpoints.encoders import open_encoder
from ..captioning.checkpoints.native import read_captioner
from ..captioning.decoding.rerank import Candidate
from ..captioning.decoding.rerank import describe as describe_features
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
        beam: int | None = None,
        temperature: float | None = None,
        n_best: int = 1,
        threads: int = 1,
    ) -> list[list[Candidate]] | list[Candidate]:
        """Describe units by their exemplars.

        Parameters
        ----------
        images : numpy.ndarray of shape (n_units, k, 3, H, W), uint8, RGB
            The exemplars of each unit, best first. Of a single unit without the first axis.
        masks : numpy.ndarray of shape (n_units, k, 1, H, W), uint8, 0 or 1
            Where the unit is active.
        strategy : str or None
            "rerank", "beam" or "greedy", the last two with mutual information if there is a language model; None for
            what the model was made for, as the other settings.
        beam : int or None
            Sentences considered.
        temperature : float or None
            Weight of the language model.
        n_best : int
            Sentences wanted per unit.
        threads : int
            No result depends on it.

        Returns
        -------
        list of list of Candidate
            The best sentences of each unit, best first, each with `text` and `score`; of a single unit its list alone.

        Raises
        ------
        ValueError
            If the images or masks are not such arrays, a setting is out of its bounds, or the strategy needs a language
            model that the model does not have.

        References
        ----------
        MILAN (Hernandez et al. 2022), section 4.
        """
        settings, strategy = self.settings, strategy or self.settings.strategy
        single = np.ndim(images) == 4
        images, masks = (images[None], masks[None]) if single else (images, masks)
        features = encode_exemplars(self._encoder, [images], [masks], threads=threads)[0]
        found = describe_features(
            self._decoder,
            self._language_model,
            features,
            indexer=self._indexer,
            strategy=strategy,
            use_information=strategy != "rerank" and self._language_model is not None,
            length=settings.length,
            beam_size=settings.beam_size if beam is None else beam,
            temperature=settings.temperature if temperature is None else temperature,
            lm_sum=settings.lm_sum,
            n_best=n_best,
            threads=threads,
        )
        return found[0] if single else found


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


def describe(
    images: np.ndarray,
    masks: np.ndarray,
    *,
    milan: str | Path = "base",
    device: str = "auto",
    **settings: Any,
) -> list[list[Candidate]] | list[Candidate]:
    """Describe units by their exemplars, with a captioning model by name or path.

    Parameters
    ----------
    images, masks : numpy.ndarray
        As for `Milan.describe`.
    milan : str or pathlib.Path
        As the name for `pretrained`.
    device : str
        `auto`, `cpu` or `cuda`.
    **settings
        As for `Milan.describe`.

    Returns
    -------
    list of list of Candidate

    Raises
    ------
    FileNotFoundError, ValueError
        As `pretrained` and `Milan.describe`.
    """
    return pretrained(str(milan), device=device).describe(images, masks, **settings)
