"""Result files requested by `targets` in the config, and their sources."""

from pathlib import Path

from ..runtime.parts import all_parts
from .captioners import given_exemplars, is_given, milan_file, peoples_annotations
from .entries import concept_folder, image_table, is_generated, layers_of, look_up
from .latents import latent_files
from .networks import weights_file

EXPLANATION_TABLES = ("ranges", "histograms", "explanations", "metrics")
RESULT_TABLES = (*EXPLANATION_TABLES, "dissection")
"""Tables of each concept set of the default run; that of Network Dissection has merged parts of its own."""
EVIDENCE_PARTS = ("label_scores", "stability", "literal_support", "simulation")
"""Tables of evidence that are merged from parts."""
EVIDENCE = ("chance", *EVIDENCE_PARTS, "simulation_summary", "verdicts", "verdict_summary")
# parts of calibration.csv
CALIBRATIONS = ("planted", "interventions")
PLANTED_ROOT = "results/planted/playground"
ANALYSES = ("range_importance", "specialization", "thresholds", "detectors")
# tables short enough for a paper; the last ones are made on request only
SUMMARIES = (
    *("metrics_summary", *ANALYSES, "common_formulas"),
    *("optimality_summary", "heuristics_summary", "search_sweep_summary"),
)


def concept_sets(model: str, dataset: str, *, config: dict) -> list[str]:
    """Return the concept sets of a model and data set in `targets`.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict
    """
    return [
        concepts
        for target in config["targets"]
        if (target["model"], target["dataset"]) == (model, dataset)
        for concepts in target["concepts"]
    ]


def compared_entries(config: dict) -> list[list[str]]:
    """Return [model, data set, concept set] of every table of formulas that `targets` requests."""
    entries = [
        (target["model"], target["dataset"], concepts)
        for target in config["targets"]
        for concepts in target["concepts"]
    ]
    return [list(entry) for entry in dict.fromkeys(entries)]


def network_roots(config: dict) -> list[str]:
    """Return the folder of the results of each network in `targets`."""
    return list(dict.fromkeys(f"results/{target['model']}/{target['dataset']}" for target in config["targets"]))


def compared_networks(config: dict) -> dict[str, list]:
    """Return what the comparison of networks knows of each network in `targets`.

    Returns
    -------
    dict
        concept_sets: names of its concept sets; images: a text that is equal where exemplars come from the same list of
        images; untrained: whether its weights are random.
    """
    found = {"concept_sets": [], "images": [], "untrained": []}
    for root in network_roots(config):
        _, model, dataset = root.split("/")
        entry = config["datasets"][dataset]
        parts = [str(entry.get(key)) for key in ("images", "subset", "image_column", "exemplars")]
        # what a generator makes is its own
        own = [model, dataset] if is_generated(dataset, config=config) else []
        found["concept_sets"].append(concept_sets(model, dataset, config=config))
        found["images"].append(" ".join([*parts, *own]))
        # a network of given exemplars may have any name
        weights = config["models"].get(model, {}).get("weights", entry.get("weights"))
        found["untrained"].append(weights == "none")
    return found


def all_targets(config: dict) -> list[str]:
    """Return all tables and the catalog of each entry of `targets`, and the index of catalogs."""
    files = []
    for target in config["targets"]:
        root = f"results/{target['model']}/{target['dataset']}"
        files += [f"{root}/{name}" for name in ("descriptions.csv", "catalog", "provenance.json")]
        files += [f"{root}/{concepts}/{table}.csv" for concepts in target["concepts"] for table in RESULT_TABLES]
        drawn = config["datasets"][target["dataset"]]["images"] == "playground"
        if drawn or peoples_annotations(target["model"], target["dataset"], config=config):
            files.append(f"{root}/description_metrics.csv")
    if _has_planted(config):
        files.append(f"{PLANTED_ROOT}/recovery.csv")
    if len(compared_entries(config)) > 1:
        files.append("results/comparison.csv")
    return files + (["results/index.html"] if config["targets"] else [])


def analysis_targets(config: dict) -> list[str]:
    """Return the tables, plots and pictures of the analyses of each entry of `targets`."""
    files = []
    for target in config["targets"]:
        for concepts in target["concepts"]:
            root = f"results/{target['model']}/{target['dataset']}/{concepts}"
            files += [f"{root}/{name}.csv" for name in (*ANALYSES, "common_formulas", "metrics_summary")]
            files += [f"{root}/{name}.png" for name in ANALYSES]
            files += [f"{root}/pictures/{layer}" for layer in config["models"][target["model"]]["layers"]]
    return files


def text_targets(config: dict) -> list[str]:
    """Return the summary tables of the analyses in Markdown and LaTeX, of each entry of `targets`."""
    return [
        "results/{}/{}/{}/{}.{}".format(*entry, table, ending)
        for entry in compared_entries(config)
        for table in ("metrics_summary", *ANALYSES, "common_formulas")
        for ending in ("md", "tex")
    ]


def evidence_targets(config: dict) -> list[str]:
    """Return the tables of evidence for the formulas of each entry of `targets`, and the catalogs that show them."""
    files = ["results/metric_checks.csv"]
    for model, dataset, concepts in compared_entries(config):
        drawn, labelled = config["concepts"][concepts]["source"] == "playground", config["evidence"]["images"]
        tables = (*EVIDENCE, *(["interventions"] if drawn else []), *(["label_images"] if labelled else []))
        files += [f"results/{model}/{dataset}/{concepts}/{table}.csv" for table in tables]
    if _has_planted(config):
        files += [f"{PLANTED_ROOT}/{name}" for name in ("recovery.csv", "recovery.png", "calibration.csv")]
    roots = [f"results/{target['model']}/{target['dataset']}" for target in config["targets"] if target["concepts"]]
    files += [f"{root}/{name}" for root in roots for name in ("catalog", "provenance.json")]
    return files + (["results/index.html"] if roots else [])


def _has_planted(config: dict) -> bool:
    """Return whether units are planted: where formulas on the playground are asked for."""
    return any("playground" in target["concepts"] for target in config["targets"])


def explanation_parts(
    table: str, *, model: str, dataset: str, concepts: str, config: dict, layer: str | None = None
) -> list[str]:
    """Return the parts of a table of formulas, in the order of layers and units; of one layer, if given.

    Parameters
    ----------
    table : str
        Such as `explanations`.
    model, dataset, concepts : str
        Names in the sections of the config.
    config : dict
    layer : str or None
    """
    root = f"results/{model}/{dataset}/{concepts}/parts/{table}"
    layers = [layer] if layer else layers_of(model, dataset, config=config)
    return [f"{root}/{one}/{chunk}.csv" for one in layers for chunk in all_parts(config["explanations"]["chunks"])]


def catalog_tables(table: str, model: str, dataset: str, *, config: dict) -> list[str]:
    """Return a table of each concept set of a model and data set.

    Parameters
    ----------
    table : str
        Such as `explanations`.
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict
    """
    root = f"results/{model}/{dataset}"
    return [f"{root}/{concepts}/{table}.csv" for concepts in concept_sets(model, dataset, config=config)]


def result_tables(model: str, dataset: str, *, config: dict) -> list[str]:
    """Return the tables of a model and data set that `targets` requests.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict
    """
    root = f"results/{model}/{dataset}"
    tables = [
        f"{root}/{concepts}/{table}.csv"
        for concepts in concept_sets(model, dataset, config=config)
        for table in RESULT_TABLES
    ]
    own = [f"{root}/{name}.csv" for name in ("descriptions", "units", "neighbours", "map")]
    return [*own, *tables]


def result_sources(model: str, dataset: str, *, config: dict) -> list[str]:
    """Return the weights, latents, the image list or given exemplars, and the labelled data from which a model's results are made.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict
    """
    concepts, given = concept_sets(model, dataset, config=config), is_given(dataset, config=config)
    wanted = [milan_file(model, dataset, config=config)]
    if concepts or not given:
        wanted.insert(0, weights_file(model, dataset, config=config))
        layers = look_up("models", model, config=config).get("layers", [])
        wanted += latent_files(model, dataset, layers=layers, config=config).values()
    wanted += [concept_folder(name, config=config) for name in concepts]
    looked_at = given_exemplars if given else image_table
    return [path for path in wanted if path] + [looked_at(dataset, config=config)]


def new_catalogs(config: dict, *, since: float) -> list[Path]:
    """Return the index pages of catalogs written after a time, in seconds since 1970."""
    pages = [Path(root, "catalog/index.html") for root in network_roots(config)]
    return [page for page in pages if page.is_file() and page.stat().st_mtime >= since]


def stale_tables(config: dict) -> list[tuple[Path, Path]]:
    """Return (table, newer folder or table) of sentences and catalogs that are older than what they are made from.

    They may hold layers that the config no longer names.
    """
    found = []
    for root in network_roots(config):
        for made, sources in (("descriptions.csv", ("units.csv",)), ("catalog", ("descriptions.csv", "units.csv"))):
            for source in sources:
                old, new = Path(root, made), Path(root, source)
                if old.exists() and new.exists() and old.stat().st_mtime < new.stat().st_mtime:
                    found.append((old, new))
    return found
