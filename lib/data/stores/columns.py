"""The columns of every CSV table of the workflow, in order, with their types."""

from .columns_analyses import ANALYSES
from .columns_evidence import EVIDENCE

CAPTION_MEASURES = dict.fromkeys(
    (
        *("bleu", "bleu1", "bleu2", "bleu3", "bleu4", "chrf"),
        *(
            f"{kind}_{part}"
            for kind in ("rouge1", "rouge2", "rougeL", "bert_score")
            for part in ("precision", "recall", "f")
        ),
    ),
    "float",
)
RESULTS = {
    "images": {"path": "str"},
    "skipped_images": {"path": "str", "reason": "str"},
    "descriptions": {
        "layer": "str",
        "unit": "int",
        "description": "str",
        "score": "float",
        "runner_up": "str",
        "margin": "float",
        "status": "str",
    },
    "n_best": {
        "layer": "str",
        "unit": "int",
        "rank": "int",
        "description": "str",
        "score": "float",
        "log_likelihood": "float",
        "log_prior": "float",
    },
    "agreement": {"network": "str", "units": "str", "annotator": "str", "n_units": "int", **CAPTION_MEASURES},
    "words": {
        "network": "str",
        "layer": "str",
        "word": "str",
        "part_of_speech": "str",
        "n_units": "int",
        "share": "float",
    },
    "rejected": {"row": "int", "layer": "str", "unit": "str", "worker": "str", "summary": "str", "reason": "str"},
    "spelling": {"word": "str", "correction": "str", "n": "int"},
    "annotations": {"layer": "str", "unit": "int", "summary": "str"},
    "milannotations": {
        "network": "str",
        "layer": "str",
        "unit": "int",
        "summary": "str",
        "torchvision_layer": "str",
    },
    "sources": {
        "name": "str",
        "version": "str",
        "url": "str",
        "size": "float",
        "licence": "str",
        "config_key": "str",
        "local": "str",
    },
    "units": {
        "layer": "str",
        "unit": "int",
        "status": "str",
        "minimum": "float",
        "maximum": "float",
        "threshold": "float",
    },
    "layers": {
        "layer": "str",
        "type": "str",
        "n_units": "int",
        "height": "int",
        "width": "int",
        "n_parameters": "int",
    },
    "ranges": {
        "layer": "str",
        "unit": "int",
        "range": "str",
        "lower": "float",
        "upper": "float",
        "n_activations": "int",
        "status": "str",
    },
    "histograms": {
        "layer": "str",
        "unit": "int",
        "minimum": "float",
        "maximum": "float",
        "n_zero": "int",
        "counts": "str",
    },
    "explanations": {
        "layer": "str",
        "unit": "int",
        "range": "str",
        "lower": "float",
        "upper": "float",
        "formula": "str",
        "shown_names": "str",
        "categories": "str",
        "length": "int",
        "iou": "float",
        "iou_upper_bound": "float",
        "optimal": "bool",
        "search": "str",
        "status": "str",
    },
    "metrics": {
        "layer": "str",
        "unit": "int",
        "range": "str",
        "iou": "float",
        "activation_coverage": "float",
        "detection_accuracy": "float",
        "samples_coverage": "float",
        "explanation_coverage": "float",
        "avg_segmentation_size": "float",
        "avg_activation_size": "float",
        "avg_overlapping": "float",
        "avg_overlapping_activation_size": "float",
        "label_masking": "float",
    },
    "label_masking": {"layer": "str", "unit": "int", "range": "str", "label_masking": "float"},
    "description_metrics": {
        "units": "str",
        "captions": "str",
        "n_units": "int",
        **CAPTION_MEASURES,
    },
    "benchmarks": {"rule": "str", "job": "str", "seconds": "float", "cpu_seconds": "float", "peak_mib": "float"},
}
COLUMNS = RESULTS | ANALYSES | EVIDENCE
