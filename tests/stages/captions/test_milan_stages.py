"""The stages that train a captioning model, describe units and measure descriptions, on exemplars of a few pixels."""

import logging
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from places import ROOT

from lib.captioning.checkpoints.native import read_captioner
from lib.captioning.decoding.clip import build_clip
from lib.data.formats.annotations import write_annotations
from lib.data.formats.exemplars import create_exemplars
from lib.data.stores.tables import read_table, write_table
from lib.models.build.zoo import build_network
from lib.models.weights.checkpoints import save_state_dict
from lib.stages.captions.describe_units import describe_units
from lib.stages.captions.export_milan import export_milan
from lib.stages.captions.score_descriptions import score_descriptions
from lib.stages.captions.train_milan import train_milan

COLORS = ("red", "green", "blue")
UNITS = {"10": np.arange(0, 24, 2), "9": np.arange(12)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Exemplars whose units like one color each, their annotations, an encoder and a trained model."""
    root = tmp_path_factory.mktemp("milan")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 60, (12, 3, 32, 32), dtype=np.uint8)
    for image in range(12):
        pictures[image, image % 3] += 180
    rows, units = [], []
    for layer, numbers in UNITS.items():
        ids = np.array([[image for image in rng.permutation(12) if image % 3 == unit % 3][:3] for unit in numbers])
        images, masks = create_exemplars(
            root / "exemplars", layer, units=numbers, ids=ids, activations=np.ones(ids.shape), size=32
        )
        images[:], masks[:] = pictures[ids], 1
        images.flush(), masks.flush()
        for unit in numbers:
            color = COLORS[unit % 3]
            rows += [(layer, unit, f"pictures that are {color}"), (layer, unit, f"{color} things of all kinds")]
            units.append(
                {"layer": layer, "unit": unit, "status": "ok", "minimum": 0.0, "maximum": 1.0, "threshold": 0.5}
            )
    units[4]["status"] = "dead"
    write_annotations(str(root / "annotations.csv"), rows)
    write_table(pd.DataFrame(units), str(root / "units.csv"), "units")
    save_state_dict(build_network("resnet18", n_classes=5, seed=0), root / "encoder.safetensors")
    train(root, "milan.safetensors")
    export_milan(milan=str(root / "milan.safetensors"), payload=str(root / "exported.pth"))
    return root


def training_of(root, name, **changed):
    return (
        dict(
            exemplars=[str(root / "exemplars")],
            annotations=[str(root / "annotations.csv")],
            encoder_weights=str(root / "encoder.safetensors"),
            milan=str(root / name),
            report=str(root / f"{name}.csv"),
            splits=str(root / f"{name}.splits.csv"),
            networks=["network"],
            encoder="resnet18",
            normalisation="imagenet",
            trusted_sha256=[],
            language_model=True,
            embedding_size=8,
            hidden_size=16,
            attention_size=8,
            lm_hidden_size=8,
            lm_layers=1,
            dropout=0.1,
            epochs=3,
            patience=3,
            batch_size=8,
            learning_rate=0.02,
            hold_out=0.2,
            beam_size=4,
            temperature=0.2,
            length=8,
            seed=0,
            device="cpu",
            threads=1,
        )
        | changed
    )


def train(root, name, **changed):
    train_milan(**training_of(root, name, **changed))


def describe(root, name, *, units="units.csv", milan="milan.safetensors", clip=None, **changed):
    settings = {"chunk": "0-of-1", "n_listed": 3, "strategy": "rerank", "beam_size": 4, "temperature": 0.2}
    settings |= {"lm_sum": None, "trusted_sha256": [], "device": "cpu", "threads": 1} | changed
    describe_units(
        exemplars=str(root / "exemplars"),
        units=str(root / units),
        milan=str(root / milan),
        clip_weights=str(root / "clip") if clip else [],
        clip=clip,
        descriptions=str(root / name),
        n_best=str(root / f"n_best_{name}"),
        **settings,
    )
    return read_table(str(root / name), "descriptions")


def test_training_repeats_byte_for_byte_and_reports_held_out_units(folder):
    train(folder, "again.safetensors", threads=2)
    assert (folder / "again.safetensors").read_bytes() == (folder / "milan.safetensors").read_bytes()
    report = read_table(str(folder / "milan.safetensors.csv"), "description_metrics")
    ways = ["milan_rerank", "milan_mi_beam", "likelihood_beam", "milan_mi_greedy", "likelihood_greedy"]
    assert report["captions"].tolist() == [*ways, "constant", "shuffled"]
    assert set(report["units"]) == {"held_out"} and set(report["n_units"]) == {4}


def test_every_unit_stands_in_one_part_of_the_split(folder):
    splits = read_table(str(folder / "milan.safetensors.splits.csv"), "splits")
    annotated = [("network", layer, unit) for layer, units in UNITS.items() for unit in units]
    assert list(zip(splits["network"], splits["layer"], splits["unit"])) == annotated
    assert splits["part"].value_counts().to_dict() == {"train": 16, "stop": 4, "test": 4}


def test_without_language_model_likelihood_alone_decides(folder):
    """And what was trained with other seeds differs."""
    train(folder, "plain.safetensors", language_model=False)
    report = read_table(str(folder / "plain.safetensors.csv"), "description_metrics")
    assert report["captions"].tolist() == ["likelihood_beam", "likelihood_greedy", "constant", "shuffled"]
    assert read_captioner(str(folder / "plain.safetensors")).language_model is None
    by_rerank = describe(folder, "plain.csv", milan="plain.safetensors")
    pd.testing.assert_frame_equal(
        by_rerank, describe(folder, "plain_beam.csv", milan="plain.safetensors", strategy="beam")
    )
    train(folder, "other.safetensors", seed=1)
    parts = [
        read_table(str(folder / f"{name}.safetensors.splits.csv"), "splits")["part"] for name in ("milan", "other")
    ]
    assert not parts[0].equals(parts[1])


def test_networks_are_trained_on_together_and_layers_without_annotations_left_out(folder, tmp_path):
    write_annotations(str(tmp_path / "few.csv"), [("9", unit, f"{COLORS[unit % 3]} things") for unit in range(12)])
    train(
        folder,
        "both.safetensors",
        exemplars=[str(folder / "exemplars")] * 2,
        annotations=[str(folder / "annotations.csv"), str(tmp_path / "few.csv")],
        networks=["a/x", "b/y"],
    )
    splits = read_table(str(folder / "both.safetensors.splits.csv"), "splits")
    assert splits.groupby("network")["layer"].value_counts().to_dict() == {
        ("a/x", "10"): 12,
        ("a/x", "9"): 12,
        ("b/y", "9"): 12,
    }


def kill_when(path, arguments):
    """Train in a process of its own, and kill it as soon as a file is there."""
    program = f"from lib.stages.captions.train_milan import train_milan; train_milan(**{arguments!r})"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while not path.exists() and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the training ended before it could be killed"


def test_killed_training_goes_on_and_ends_with_the_same_bytes(folder, caplog):
    """Kill -9 in the decoder's training, after the language model's; another process ends what the first began."""
    long = {"epochs": 15, "patience": 15}
    train(folder, "undisturbed.safetensors", **long)
    arguments = training_of(folder, "killed.safetensors", **long)
    state = folder / "killed.safetensors.decoder.training"
    kill_when(state, arguments)
    assert 0 < torch.load(state, weights_only=True)["state"]["epoch"] < 15
    assert not (folder / "killed.safetensors").exists()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        train_milan(**arguments)
    said = [record.getMessage() for record in caplog.records]
    assert "LanguageModel: resuming after epoch 14" in said, "what is complete is not trained again"
    assert 0 < sum(line.startswith("Decoder, epoch") for line in said) < 15
    for suffix in ("", ".csv"):
        killed, whole = (folder / f"{name}.safetensors{suffix}" for name in ("killed", "undisturbed"))
        assert killed.read_bytes() == whole.read_bytes()
    assert not list(folder.glob("*.training*")), "no state is left behind"


def test_every_unit_has_its_row_in_order(folder):
    table = describe(folder, "descriptions.csv")
    assert table["layer"].tolist() == ["10"] * 12 + ["9"] * 12
    assert table["unit"].tolist() == [*range(0, 24, 2), *range(12)]
    dead = table["status"] == "dead"
    assert dead.sum() == 1 and table.loc[dead, "unit"].tolist() == [8]
    assert table.loc[dead, "description"].tolist() == [""] and table.loc[dead, "score"].isna().all()
    assert np.isfinite(table.loc[~dead, "score"]).all()


def test_descriptions_depend_neither_on_threads_nor_on_other_units(folder):
    whole = describe(folder, "whole.csv")
    describe(folder, "threads.csv", threads=3)
    assert (folder / "whole.csv").read_bytes() == (folder / "threads.csv").read_bytes()
    units = read_table(str(folder / "units.csv"), "units")
    write_table(units.iloc[::-1].iloc[:7], str(folder / "few.csv"), "units")
    few = describe(folder, "few_descriptions.csv", units="few.csv")
    assert few.equals(whole.iloc[-7:].reset_index(drop=True))


def test_runners_up_and_the_best_sentences_are_listed(folder):
    table = describe(folder, "listed.csv")
    listed = read_table(str(folder / "n_best_listed.csv"), "n_best")
    fine = table[table["status"] == "ok"]
    assert (fine["margin"].dropna() >= 0).all() and (fine["runner_up"] != fine["description"]).all()
    by_rank = {rank: rows.set_index(["layer", "unit"]) for rank, rows in listed.groupby("rank")}
    assert set(by_rank) == {1, 2, 3} and len(by_rank[1]) == len(fine)
    fine = fine.set_index(["layer", "unit"])
    assert by_rank[1]["description"].equals(fine["description"]) and by_rank[1]["score"].equals(fine["score"])
    second = by_rank[2]
    assert (second["description"] == fine.loc[second.index, "runner_up"]).all()
    np.testing.assert_array_equal(
        by_rank[1].loc[second.index, "score"] - second["score"], fine.loc[second.index, "margin"]
    )
    np.testing.assert_allclose(listed["score"], listed["log_likelihood"] - 0.2 * listed["log_prior"], atol=1e-5)


@pytest.mark.parametrize("n_chunks", [2, 5])
def test_chunks_join_to_the_same_table(folder, n_chunks):
    whole = describe(folder, "all.csv")
    chunks = [f"{number}-of-{n_chunks}" for number in range(n_chunks)]
    parts = [describe(folder, f"{chunk}.csv", chunk=chunk) for chunk in chunks]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    listed = [read_table(str(folder / f"n_best_{chunk}.csv"), "n_best") for chunk in chunks]
    merged = pd.concat(listed, ignore_index=True)
    pd.testing.assert_frame_equal(merged, read_table(str(folder / "n_best_all.csv"), "n_best"))


def test_exported_model_says_the_same(folder):
    whole = describe(folder, "own.csv")
    exported = describe(folder, "exported.csv", milan="exported.pth", lm_sum="exact")
    pd.testing.assert_frame_equal(exported, whole)


def test_encoder_of_a_damaged_model_is_refused(folder):
    payload = torch.load(folder / "exported.pth", weights_only=True)
    name = "encoder.encoder.model.layer1.0.conv1.weight"
    for change in ({name: torch.zeros(3)}, {f"{name}s": torch.zeros(3)}):
        torch.save(payload | {"state_dict": payload["state_dict"] | change}, folder / "damaged.pth")
        with pytest.raises(ValueError, match=r"damaged\.pth does not fit .*layer1\.0\.conv1\.weight"):
            describe(folder, "damaged.csv", milan="damaged.pth")
    for lost in (name, "encoder.encoder.model.fc.weight"):
        state = {own: tensor for own, tensor in payload["state_dict"].items() if own != lost}
        torch.save(payload | {"state_dict": state}, folder / "damaged.pth")
        with pytest.raises(ValueError, match=lost.removeprefix("encoder.encoder.model.")):
            describe(folder, "damaged.csv", milan="damaged.pth")


@pytest.mark.parametrize("strategy", ["beam", "greedy"])
def test_other_strategies_describe_too(folder, strategy):
    assert np.isfinite(describe(folder, f"{strategy}.csv", strategy=strategy)["score"]).sum() == 23


@pytest.fixture(scope="module")
def clip(folder, tiny_clip):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        save_state_dict(build_clip(tiny_clip, tag=None).network, folder / "clip")
    return {"name": tiny_clip, "tag": None, "whole": 0.5}


def test_clip_orders_what_the_beam_finds(folder, clip):
    beam = describe(folder, "beam_alone.csv", strategy="beam")
    table = describe(folder, "clip.csv", strategy="beam+clip", clip=clip)
    listed = read_table(str(folder / "n_best_clip.csv"), "n_best")
    assert (table["description"] != beam["description"]).any()
    assert listed.groupby(["layer", "unit"]).size().gt(1).all()
    fine = table[table["status"] == "ok"]
    assert len(fine) == 23 and fine["score"].between(-3, 3).all(), "sums of three cosines"
    assert (fine["margin"] >= 0).all() and (fine["runner_up"] != fine["description"]).all()
    for _, unit in listed.groupby(["layer", "unit"]):
        assert unit["score"].is_monotonic_decreasing
    first = listed[listed["rank"] == 1]
    assert first["description"].tolist() == fine["description"].tolist()
    assert first["score"].tolist() == fine["score"].tolist() and (first["log_likelihood"] < 0).any()
    describe(folder, "clip_threads.csv", strategy="beam+clip", clip=clip, threads=3)
    assert (folder / "clip_threads.csv").read_bytes() == (folder / "clip.csv").read_bytes()
    parts = [describe(folder, f"clip{n}.csv", strategy="beam+clip", clip=clip, chunk=f"{n}-of-3") for n in range(3)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table)


def test_weights_that_are_not_of_this_clip_are_refused(folder, clip):
    with pytest.raises(ValueError, match=r"clip does not fit CLIP: tensors .* missing"):
        describe(folder, "wrong.csv", strategy="beam+clip", clip=clip | {"name": "ViT-S-32"})


def test_unit_without_exemplars_is_named(folder):
    units = read_table(str(folder / "units.csv"), "units")
    units.loc[0, "unit"] = 1  # the folder has even units of this layer only, at positions 0, 1, ...
    write_table(units, str(folder / "wrong.csv"), "units")
    with pytest.raises(LookupError, match="layer 10 unit 1"):
        describe(folder, "wrong_descriptions.csv", units="wrong.csv")


def test_annotation_of_a_unit_without_exemplars_is_named(folder, tmp_path):
    write_annotations(str(tmp_path / "annotations.csv"), [("10", 1, "red things")])
    for name in ("exemplars", "encoder.safetensors"):
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(LookupError, match="layer 10 unit 1"):
        train(tmp_path, "milan.safetensors")


def test_descriptions_are_measured_beside_what_says_the_same(folder, tmp_path):
    table = pd.DataFrame(
        {
            "layer": ["a", "a", "b", "b"],
            "unit": [5, 9, 5, 7],
            "score": 1.0,
            "runner_up": "",
            "margin": 0.5,
            "status": ["ok", "ok", "ok", "dead"],
            "description": ["red things on the grass", "green leaves of a tree", "the sky above a house", ""],
        }
    )
    write_table(table, str(tmp_path / "descriptions.csv"), "descriptions")
    rows = [(layer, unit, said) for layer, unit, said in zip(table["layer"], table["unit"], table["description"])][:3]
    write_annotations(str(tmp_path / "annotations.csv"), [*rows, ("b", 7, "something that nobody described")])
    score_descriptions(
        descriptions=str(tmp_path / "descriptions.csv"),
        annotations=str(tmp_path / "annotations.csv"),
        metrics=str(tmp_path / "metrics.csv"),
        bert_score_model=None,
        seed=0,
    )
    metrics = read_table(str(tmp_path / "metrics.csv"), "description_metrics").set_index(["units", "captions"])
    assert metrics.loc[("all", "milan"), "bleu"] == pytest.approx(100) and metrics.loc[("all", "milan"), "n_units"] == 3
    assert metrics.loc[("all", "shuffled"), "chrf"] < 40 and metrics.loc[("all", "constant"), "chrf"] < 60
    assert metrics.loc[("b", "milan"), "n_units"] == 1
    row = metrics.loc[("all", "shuffled")]
    assert row["chrf_low"] <= row["chrf"] <= row["chrf_high"] and row["chrf_low"] < row["chrf_high"]
    write_annotations(str(tmp_path / "annotations.csv"), [("c", 1, "other")])
    with pytest.raises(ValueError, match="no unit"):
        score_descriptions(
            descriptions=str(tmp_path / "descriptions.csv"),
            annotations=str(tmp_path / "annotations.csv"),
            metrics=str(tmp_path / "metrics.csv"),
            bert_score_model=None,
            seed=0,
        )
