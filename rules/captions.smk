# Shared functions of the rules of captioning models.

DOWNLOADED_MILAN = (
    milan_groups.PUBLISHED if config["milan"]["source"] == "download" else {}
)
TRAINED_MILAN = {"playground", *milan_groups.GROUPS} - set(DOWNLOADED_MILAN)
# {argument of the stage: config key}
MILAN_SETTINGS = {
    "beam_size" if key == "beam" else key: key
    for key in config["milan"]["training"]
    if key not in ("networks", "units_per_layer")
}


training_of = of(entries.caption_training, "milan")
annotated_networks_of = of(entries.annotated_networks, "milan")


def annotated(file):
    """Return an input function of this file for each annotated network."""

    def look_up(wildcards):
        folder = (
            "results/{network}/playground"
            if wildcards.milan == "playground"
            else "resources/milannotations/{network}"
        )
        return expand(
            f"{folder}/{{file}}", network=annotated_networks_of(wildcards), file=file
        )

    return look_up


def milan_encoder_of(wildcards):
    encoder = training_of(wildcards)["encoder"]
    if wildcards.milan == "playground":
        return f"resources/weights/playground/{encoder}.safetensors"
    return f"resources/weights/imagenet/{encoder}.pth"


def milan_setting(key):
    return lambda wildcards: training_of(wildcards)[key]


def needs_images(wildcards):
    """Return whether the published exemplars of a network lack images."""
    folder = checkpoints.fetch_annotations.get(**wildcards).output.target
    return wildcards.annotated_model != "biggan" and milan_groups.lacks_images(folder)


def annotated_images_of(wildcards):
    if not needs_images(wildcards):
        return []
    return f"resources/data/{wildcards.annotated_images}_val"


def class_list_of(wildcards):
    """Return the class list of Places365; not needed for images in class folders."""
    local = config["downloads"]["local"].get("places365_val")
    sorted_by_class = (
        local
        and Path(local).is_dir()
        and any(path.is_dir() for path in Path(local).iterdir())
    )
    if (
        wildcards.annotated_images != "places365"
        or sorted_by_class
        or not needs_images(wildcards)
    ):
        return []
    return "resources/data/places365_filelist"


rule complete_annotations:
    input:
        data="resources/data/annotations-{annotated_model}-{annotated_images}",
        images=annotated_images_of,
        class_list=class_list_of,
    output:
        exemplars=directory(
            "resources/milannotations/{annotated_model}/{annotated_images}/exemplars"
        ),
        annotations="resources/milannotations/{annotated_model}/{annotated_images}/annotations.csv",
    log:
        "logs/complete_annotations/{annotated_model}-{annotated_images}.log",
    benchmark:
        "benchmarks/complete_annotations/{annotated_model}-{annotated_images}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    params:
        settings=settings(
            network=pattern("{annotated_model}/{annotated_images}"),
        ),
        code=code_hash("lib.stages.captions.complete_annotations"),
    script:
        "../workflow_scripts/captions/complete_annotations.py"


rule list_annotations:
    input:
        annotations=lambda wildcards: expand(
            "resources/milannotations/{network}/annotations.csv",
            network=milan_groups.GROUPS[wildcards.group],
        ),
    output:
        table="resources/milannotations/{group}.csv",
    log:
        "logs/list_annotations/{group}.log",
    benchmark:
        "benchmarks/list_annotations/{group}.jsonl"
    wildcard_constraints:
        group="|".join(milan_groups.GROUPS),
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            networks=lambda wildcards: milan_groups.GROUPS[wildcards.group],
        ),
        code=code_hash("lib.stages.captions.list_annotations"),
    script:
        "../workflow_scripts/captions/list_annotations.py"


rule convert_milan:
    input:
        payload="resources/milan/{milan}.pth",
    output:
        milan="resources/milan/{milan}.safetensors",
    log:
        "logs/convert_milan/{milan}.log",
    benchmark:
        "benchmarks/convert_milan/{milan}.jsonl"
    wildcard_constraints:
        milan=any_of(DOWNLOADED_MILAN),
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.captions.convert_milan"),
    script:
        "../workflow_scripts/captions/convert_milan.py"


rule train_milan:
    input:
        exemplars=annotated("exemplars"),
        annotations=annotated("annotations.csv"),
        encoder_weights=milan_encoder_of,
    output:
        milan="resources/milan/{milan}.safetensors",
        report="resources/milan/{milan}.csv",
    log:
        "logs/train_milan/{milan}.log",
    benchmark:
        "benchmarks/train_milan/{milan}.jsonl"
    wildcard_constraints:
        milan=any_of(TRAINED_MILAN),
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            networks=annotated_networks_of,
            **{
                name: milan_setting(key)
                for name, key in sorted(MILAN_SETTINGS.items())
            },
            normalisation=lambda wildcards: (
                config["datasets"]["playground"]["normalisation"]
                if wildcards.milan == "playground"
                else "imagenet"
            ),
            seed=config["seed"],
        ),
        trusted_sha256=trusted_sha256,
        code=code_hash("lib.stages.captions.train_milan"),
    script:
        "../workflow_scripts/captions/train_milan.py"


rule export_milan:
    input:
        milan="resources/milan/playground.safetensors",
    output:
        payload="resources/milan/playground.pth",
    log:
        "logs/export_milan.log",
    benchmark:
        "benchmarks/export_milan.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.captions.export_milan"),
    script:
        "../workflow_scripts/captions/export_milan.py"


rule describe_units:
    input:
        exemplars="results/{model}/{dataset}/exemplars",
        units="results/{model}/{dataset}/units.csv",
        milan=milan_of,
        clip_weights=entries.clip_file(config),
    output:
        descriptions="results/{model}/{dataset}/parts/descriptions/{chunk}.csv",
        n_best="results/{model}/{dataset}/parts/n_best/{chunk}.csv",
    log:
        "logs/describe_units/{model}/{dataset}/{chunk}.log",
    benchmark:
        "benchmarks/describe_units/{model}/{dataset}/{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            chunk=pattern("{chunk}"),
            n_listed=config["milan"]["n_best"],
            beam_size=config["milan"]["beam"],
            temperature=config["milan"]["temperature"],
            strategy=config["milan"]["strategy"],
            lm_sum=config["milan"]["lm_sum"],
            clip=entries.clip_settings(config),
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(milan_of, lambda wildcards: entries.clip_file(config)),
        code=code_hash("lib.stages.captions.describe_units"),
    script:
        "../workflow_scripts/captions/describe_units.py"


rule score_descriptions:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        annotations="results/{model}/{dataset}/annotations.csv",
    output:
        metrics="results/{model}/{dataset}/description_metrics.csv",
    log:
        "logs/score_descriptions/{model}/{dataset}.log",
    benchmark:
        "benchmarks/score_descriptions/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            bert_score_model=config["milan"]["bert_score_model"],
            seed=config["seed"],
        ),
        contents=contents(lambda wildcards: config["milan"]["bert_score_model"] or []),
        code=code_hash("lib.stages.captions.score_descriptions"),
    script:
        "../workflow_scripts/captions/score_descriptions.py"
