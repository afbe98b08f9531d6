"""The columns of the tables of experiments, in order, with their types."""

_MEASURES = ("bleu", "bleu1", "bleu2", "bleu3", "bleu4", "chrf", "rouge1", "rouge2", "rougeL")

EXPERIMENTS = {
    "baselines": {
        "units": "str",
        "method": "str",
        "references": "str",
        "n_units": "int",
        **{f"{measure}{end}": "float" for measure in _MEASURES for end in ("", "_low", "_high")},
    },
    "generalization": {
        "experiment": "str",
        "train": "str",
        "test": "str",
        "trial": "int",
        "n_units": "int",
        **dict.fromkeys((*_MEASURES, "bert_score"), "float"),
    },
}
