"""Result files of the experiments and of the comparison of labels."""

from ..captioners import peoples_annotations
from ..entries import has_classes
from .arena import imported
from .audit import audited, compared
from .edits import edit_targets
from .generalization import comparisons

ARENA = ("arena_scores", "arena")
PLOTTED_EXPERIMENTS = ("baselines.csv", "ablation.csv")


def arena_targets(config: dict) -> list[str]:
    """Return the comparisons of labels of each entry of `targets`, and the catalogs and the provenance that name them."""
    files = [
        file
        for target in config["targets"]
        for file in arena_tables(target["model"], target["dataset"], target["concepts"], config=config)
    ]
    roots = [f"results/{target['model']}/{target['dataset']}" for target in config["targets"] if target["concepts"]]
    return list(
        dict.fromkeys([*files, *(f"{root}/{name}" for root in roots for name in ("catalog", "provenance.json"))])
    )


def arena_tables(model: str, dataset: str, concepts: list[str], *, config: dict) -> list[str]:
    """Return the tables of the comparison of labels of a network.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    concepts : list of str
        Names in the section `concepts`.
    config : dict
    """
    root = f"results/{model}/{dataset}"
    tables = [f"{root}/{name}/{table}.csv" for name in concepts for table in ARENA]
    return tables + [
        f"{root}/imported_labels/{name}.csv" for name in imported(model, dataset, config=config) if concepts
    ]


def experiment_targets(config: dict) -> list[str]:
    """Return the tables and plots of the experiments with networks, and the provenance that names the tables."""
    files = ["results/generalization.csv", "results/generalization.png"] if comparisons(config) else []
    files += [file for network in audited(config) for file in audit_tables(*network.split("/"), config=config)]
    files += [f"results/{network}/catalog" for network in audited(config)]
    files += ["results/audit_comparison.png"] if compared(config) else []
    sweeps = [file for target in config["targets"] for file in sweep_tables(target["dataset"], config=config)]
    files += [file for table in sweeps for file in (table, table.replace(".csv", ".png"))]
    tables = [table for target in config["targets"] for table in network_experiments(**target, config=config)]
    roots = [f"results/{target['model']}/{target['dataset']}" for target in config["targets"]]
    plotted = [table.replace(".csv", ".png") for table in tables if table.endswith(PLOTTED_EXPERIMENTS)]
    files += edit_targets(config)
    return list(dict.fromkeys([*files, *tables, *plotted, *(f"{root}/provenance.json" for root in roots)]))


def network_experiments(model: str, dataset: str, concepts: list[str], *, config: dict) -> list[str]:
    """Return the tables of the experiments with a network: its sentences beside other labels, and which units matter.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    concepts : list of str
        Names in the section `concepts`.
    config : dict
    """
    root, files = f"results/{model}/{dataset}", []
    if config["datasets"][dataset]["images"] == "playground" or peoples_annotations(model, dataset, config=config):
        files += [f"{root}/{name}/baselines.csv" for name in concepts]
    if concepts and has_classes(dataset, config=config):
        files += [f"{root}/unit_importance.csv", f"{root}/class_importance.csv"]
        files += [f"{root}/{name}/ablation.csv" for name in concepts]
    return files


def sweep_tables(dataset: str, *, config: dict) -> list[str]:
    """Return the sweep of the captioning model of a data set, if that is trained here.

    Parameters
    ----------
    dataset : str
        Name in the section `datasets`.
    config : dict
    """
    milan = config["datasets"][dataset]["milan"]
    trained = milan == "playground" or milan in config.get("captioners", {})
    return [f"resources/milan/{milan}.sweep.csv"] if trained else []


def audit_tables(model: str, dataset: str, *, config: dict) -> list[str]:
    """Return the tables of the audit of a network, and of the comparison if it is compared with another.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict
    """
    network = f"{model}/{dataset}"
    own = [f"results/{network}/{table}.csv" for table in ("audit", "audit_units")] if network in audited(config) else []
    return own + (["results/audit_comparison.csv"] if network in compared(config) else [])
