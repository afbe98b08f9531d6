"""Training: losses against golden values, early stopping, hold-out by unit, repeatability."""

import json

import numpy as np
import pytest
import torch
from places import FIXTURE
from published_captioner import read_fixture
from torch import nn

from lib.captioning.decoding.beam import decode_greedily
from lib.captioning.model.decoder import Decoder, DecoderSizes
from lib.captioning.model.language_model import LanguageModel
from lib.captioning.model.vocabulary import Indexer, Tokenizer, count_vocabulary
from lib.captioning.training import train as training
from lib.captioning.training.fitting import EarlyStopping, TrainingSettings, seeded
from lib.captioning.training.losses import attention_penalty, caption_loss
from lib.captioning.training.train import split_units, train_decoder, train_language_model

NONE = np.zeros(0, dtype=np.int64)
SETTINGS = TrainingSettings(epochs=3, patience=5, batch_size=8, learning_rate=0.01, seed=0, threads=1)


@pytest.fixture
def corpus():
    """Units of three kinds, whose features tell the kind, and whose captions name the kind and the unit."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 30)
    features = (np.eye(3, 6)[kinds][:, None] * 3 + rng.normal(0, 0.3, (30, 4, 6))).astype(np.float32)
    captions = [
        (f"a thing that is {['red', 'green', 'blue'][kind]}", f"number{unit}") for unit, kind in enumerate(kinds)
    ]
    return features, captions, Indexer(count_vocabulary((" ".join(own) for own in captions), Tokenizer()))


def new_decoder(indexer):
    with seeded(0):
        return Decoder(DecoderSizes(indexer.n_symbols, 6, embedding_size=8, hidden_size=16, dropout=0.2))


def test_losses_gradients_and_steps_equal_golden():
    golden = json.loads((FIXTURE / "golden/losses.json").read_text())
    model = read_fixture()
    features = torch.from_numpy(np.load(FIXTURE / "golden/features.npy"))
    targets = torch.tensor(golden["targets"])
    assert [list(row[1:]) for row in model.indexer(golden["texts"])] == golden["targets"]

    def losses():
        log_probabilities, attentions = model.decoder(features, targets)
        return caption_loss(log_probabilities, targets, pad_id=model.indexer.pad_id), attention_penalty(attentions)

    likelihood, penalty = losses()
    assert likelihood.item() == pytest.approx(golden["nll"], abs=2e-6)
    assert penalty.item() == pytest.approx(golden["regularizer"], abs=2e-6)
    (likelihood + penalty).backward()
    norms = {name: parameter.grad.norm().item() for name, parameter in model.decoder.named_parameters()}
    assert norms == pytest.approx(golden["gradient_norms"], rel=1e-3, abs=1e-7)
    optimizer, found = torch.optim.AdamW(model.decoder.parameters()), []
    for _ in golden["adamw_default_losses"]:
        optimizer.zero_grad()
        loss = sum(losses())
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found == pytest.approx(golden["adamw_default_losses"], abs=2e-5)
    rows = torch.tensor(model.indexer(golden["texts"]))
    with torch.inference_mode():
        predicted, _ = model.language_model(rows[:, :-1])
        lm_loss = caption_loss(predicted, rows[:, 1:], pad_id=model.indexer.pad_id)
    assert lm_loss.item() == pytest.approx(golden["lm_loss"], abs=2e-5)


def test_best_weights_really_come_back():
    """D9: the last weights are not the best ones, and a reference to the live weights would follow them."""
    module = nn.Linear(1, 1, bias=False)
    stopping = EarlyStopping(module, patience=2)
    stopped = []
    for epoch, score in enumerate([1.0, 3.0, 3.0, 2.0, 1.0]):
        with torch.no_grad():
            module.weight.fill_(epoch)
        stopped.append(stopping.should_stop(score))
    assert stopped == [False, False, False, False, True], (
        "only strict improvements count, patience is exceeded at the end"
    )
    stopping.restore()
    assert module.weight.item() == 1.0 and not module.training


def test_trained_decoder_is_that_of_its_best_epoch(corpus, monkeypatch):
    """D9, through the whole training."""
    features, captions, indexer = corpus
    losses, states = iter([2.0, 1.0, 3.0]), []
    decoder = new_decoder(indexer)

    def loss(*arguments, **keywords):
        if not torch.is_inference_mode_enabled():
            return caption_loss(*arguments, **keywords)
        states.append({name: tensor.clone() for name, tensor in decoder.state_dict().items()})
        return torch.tensor(next(losses))

    monkeypatch.setattr(training, "caption_loss", loss)
    best = train_decoder(
        decoder,
        features,
        captions,
        indexer=indexer,
        held_out=np.arange(5),
        excluded=NONE,
        penalty=1.0,
        settings=SETTINGS,
    )
    assert best == 1.0
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(tensor, states[1][name])
    assert not torch.equal(states[1]["embedding.weight"], states[2]["embedding.weight"])


@pytest.mark.parametrize("which", ["held_out", "excluded"])
def test_captions_of_held_out_units_are_not_trained_on(corpus, which):
    """D13: the hold-out of both models is by unit, not by position among captions."""
    features, captions, indexer = corpus
    changed = [own if unit >= 10 else ("red red red", "blue") for unit, own in enumerate(captions)]
    parts = {"held_out": np.arange(20, 25), "excluded": NONE} | {which: np.arange(10)}
    if which == "held_out":
        changed = [own if unit != 8 else tuple(reversed(own)) for unit, own in enumerate(captions)]
    results = []
    for texts in (captions, changed):
        with seeded(0):
            model = LanguageModel(indexer.n_symbols, embedding_size=8, hidden_size=8, layers=1)
        decoder = new_decoder(indexer)
        settings = TrainingSettings(epochs=1, patience=1, batch_size=8, learning_rate=0.01, seed=0, threads=1)
        train_language_model(model, texts, indexer=indexer, settings=settings, **parts)
        train_decoder(decoder, features, texts, indexer=indexer, penalty=1.0, settings=settings, **parts)
        results.append((model.output[0].weight, decoder.output[1].weight))
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def test_held_out_words_stay_unlearnt(corpus):
    """A word that only held-out units have keeps a low probability; were its captions trained on, it would not."""
    _, captions, indexer = corpus
    with seeded(0):
        model = LanguageModel(indexer.n_symbols, embedding_size=16, hidden_size=32, layers=1)
    settings = TrainingSettings(epochs=40, patience=40, batch_size=8, learning_rate=0.01, seed=0, threads=1)
    held = np.arange(24, 30)
    train_language_model(model, captions, indexer=indexer, held_out=held, excluded=NONE, settings=settings)
    with torch.inference_mode():
        first = model(torch.tensor([[indexer.start_id]]))[0][0, 0].exp()
    seen, unseen = (first[[indexer.ids[f"number{unit}"] for unit in units]].mean() for units in (range(24), held))
    assert seen > 3 * unseen


def test_training_repeats_bit_for_bit_whatever_the_threads(corpus):
    features, captions, indexer = corpus
    weights = []
    for threads in (1, 2):
        decoder = new_decoder(indexer)
        settings = TrainingSettings(epochs=3, patience=5, batch_size=8, learning_rate=0.01, seed=0, threads=threads)
        before = torch.random.get_rng_state()
        train_decoder(
            decoder,
            features,
            captions,
            indexer=indexer,
            held_out=np.arange(5),
            excluded=NONE,
            penalty=1.0,
            settings=settings,
        )
        assert torch.equal(before, torch.random.get_rng_state()), "the global random state is left alone"
        weights.append(decoder.state_dict())
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_decoder_learns_what_features_tell(corpus):
    features, captions, indexer = corpus
    captions = [own[:1] for own in captions]
    settings = TrainingSettings(epochs=15, patience=15, batch_size=8, learning_rate=0.02, seed=0, threads=1)
    right = {}
    for name, shown in {"own": features, "others": features[::-1].copy()}.items():
        decoder = new_decoder(indexer)
        parts = {"indexer": indexer, "held_out": np.arange(8), "excluded": NONE}
        train_decoder(decoder, shown, captions, penalty=1.0, settings=settings, **parts)
        with torch.inference_mode():
            written = decode_greedily(decoder, torch.from_numpy(shown[:8]), length=6, information=None)
        said = [indexer.reconstruct(tokens).lower() for tokens in written.tokens.tolist()]
        right[name] = sum(text == own[0] for text, own in zip(said, captions[:8], strict=True))
    assert right["own"] == 8 and right["others"] < 8


def test_shares_of_a_step_add_up_to_the_whole_loss(corpus, monkeypatch):
    features, captions, indexer = corpus
    losses = []
    for shares in (1, 2, 3):
        monkeypatch.setattr(training, "SHARES_OF_A_STEP", shares)
        decoder = new_decoder(indexer)
        train_decoder(
            decoder,
            features,
            captions,
            indexer=indexer,
            held_out=np.arange(5),
            excluded=NONE,
            penalty=1.0,
            settings=TrainingSettings(epochs=1, patience=1, batch_size=7, learning_rate=0.001, seed=0, threads=1),
        )
        losses.append(decoder.output[1].weight)
    assert torch.allclose(losses[0], losses[1], atol=1e-4) and torch.allclose(losses[0], losses[2], atol=1e-4)


def test_split_is_disjoint_complete_and_refuses_empty_parts():
    parts = split_units(50, (0.1, 0.2), seed=3)
    assert [len(part) for part in parts] == [35, 5, 10]
    assert sorted(np.concatenate(parts)) == list(range(50))
    assert all(np.array_equal(a, b) for a, b in zip(parts, split_units(50, (0.1, 0.2), seed=3), strict=True))
    assert not np.array_equal(parts[1], split_units(50, (0.1, 0.2), seed=4)[1])
    for n_units, shares in ((5, (0.1, 0.1)), (10, (0.5, 0.5))):
        with pytest.raises(ValueError, match="milan.training.hold_out"):
            split_units(n_units, shares, seed=0)


def test_held_out_captions_are_scored_in_blocks(corpus, monkeypatch):
    """The mean is over all symbols, whatever the blocks, and no more captions than a block holds are in one pass."""
    features, captions, indexer = corpus
    sizes, outcomes = [], []
    for n_captions in (1000, 7):
        monkeypatch.setattr(training, "CAPTIONS_PER_BLOCK", n_captions)
        decoder = new_decoder(indexer)
        forward = decoder.forward

        def counted(features, targets, forward=forward, decoder=decoder, **options):
            if not decoder.training:
                sizes.append(len(targets))
            return forward(features, targets, **options)

        decoder.forward = counted
        options = {"indexer": indexer, "held_out": np.arange(10), "excluded": NONE, "settings": SETTINGS}
        outcomes.append(train_decoder(decoder, features, captions, penalty=1.0, **options))
    assert set(sizes[: SETTINGS.epochs]) == {20} and max(sizes[SETTINGS.epochs :]) == 7
    assert outcomes[0] == pytest.approx(outcomes[1], abs=1e-6)


def test_features_that_are_not_finite_and_a_training_that_fails_are_refused(corpus):
    features, captions, indexer = corpus
    options = {"indexer": indexer, "held_out": np.arange(10), "excluded": NONE, "penalty": 1.0}
    broken = features.copy()
    broken[[3, 8], 0, 0] = np.nan, np.inf
    with pytest.raises(
        ValueError, match="features of 2 of 30 units contain NaN or infinite values, the first at position 3"
    ):
        train_decoder(new_decoder(indexer), broken, captions, settings=SETTINGS, **options)
    wild = TrainingSettings(epochs=3, patience=5, batch_size=8, learning_rate=1e30, seed=0, threads=1)
    with pytest.raises(
        ValueError, match=r"Decoder failed in epoch \d: loss .*milan.training.learning_rate, which is 1e\+30"
    ):
        train_decoder(new_decoder(indexer), features, captions, settings=wild, **options)
