# compute nodes of a cluster often have no internet
localrules:
    list_sources,
    fetch_data,
    fetch_weights,
    fetch_own_weights,
    fetch_milan,
    fetch_clip,
    fetch_annotations,


wildcard_constraints:
    annotated_model="|".join(
        sorted({name.split("/")[0] for name in milan_groups.NETWORKS})
    ),
    annotated_images="imagenet|places365",


rule list_sources:
    output:
        sources="results/sources.csv",
    log:
        "logs/list_sources.log",
    benchmark:
        "benchmarks/list_sources.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            local=config["downloads"]["local"],
        ),
        code=code_hash("lib.stages.downloads.list_sources", "lib/data/downloads"),
    script:
        "../workflow_scripts/downloads/list_sources.py"


rule fetch_data:
    output:
        target=directory("resources/data/{source}"),
    log:
        "logs/fetch_data/{source}.log",
    wildcard_constraints:
        source="broden1_224|broden1_227|places365_val|places365_filelist|imagenet_val",
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            source=pattern("{source}"),
            local=lambda wildcards: config["downloads"]["local"].get(wildcards.source),
            config_key=pattern("downloads.local.{source}"),
        ),
        contents=contents(own_copy_of("{source}")),
    script:
        "../workflow_scripts/downloads/fetch_folder.py"


rule fetch_weights:
    output:
        target="resources/weights/{weights_set}/{model}.pth",
    log:
        "logs/fetch_weights/{weights_set}/{model}.log",
    wildcard_constraints:
        weights_set="imagenet|places365",
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            model=pattern("{model}"),
            weights_set=pattern("{weights_set}"),
            local=lambda wildcards: config["downloads"]["local"].get(
                f"{wildcards.model}-{wildcards.weights_set}"
            ),
            config_key=pattern("downloads.local.{model}-{weights_set}"),
        ),
        contents=contents(own_copy_of("{model}-{weights_set}")),
    script:
        "../workflow_scripts/downloads/fetch_weights.py"


# weights given as a URL in the config
rule fetch_own_weights:
    output:
        target=f"{networks.OWN_WEIGHTS}/{{model}}/{{file}}",
    log:
        "logs/fetch_own_weights/{model}/{file}.log",
    wildcard_constraints:
        file="[^/]+",
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            url=lambda wildcards: config["models"][wildcards.model]["weights"],
            sha256=lambda wildcards: config["models"][wildcards.model]["sha256"],
            config_key=pattern("models.{model}.weights"),
        ),
    script:
        "../workflow_scripts/downloads/fetch_own_weights.py"


rule fetch_milan:
    output:
        target="resources/milan/{milan}.pth",
    log:
        "logs/fetch_milan/{milan}.log",
    wildcard_constraints:
        milan=any_of(milan_groups.PUBLISHED),
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            source=pattern("milan-{milan}"),
            local=lambda wildcards: config["downloads"]["local"].get(
                f"milan-{wildcards.milan}"
            ),
            config_key=pattern("downloads.local.milan-{milan}"),
        ),
        contents=contents(own_copy_of("milan-{milan}")),
    script:
        "../workflow_scripts/downloads/fetch_file.py"


rule fetch_clip:
    output:
        target="resources/clip/{clip}",
    log:
        "logs/fetch_clip/{clip}.log",
    wildcard_constraints:
        clip="[^/]+",
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            source=pattern("clip-{clip}"),
            local=lambda wildcards: config["downloads"]["local"].get(
                f"clip-{wildcards.clip}"
            ),
            config_key=pattern("downloads.local.clip-{clip}"),
        ),
        contents=contents(own_copy_of("clip-{clip}")),
    script:
        "../workflow_scripts/downloads/fetch_file.py"


# a checkpoint, because whether images must be downloaded is only known from the unpacked zip
checkpoint fetch_annotations:
    output:
        target=directory(
            "resources/data/annotations-{annotated_model}-{annotated_images}"
        ),
    log:
        "logs/fetch_annotations/{annotated_model}-{annotated_images}.log",
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            source=pattern("annotations-{annotated_model}-{annotated_images}"),
            local=lambda wildcards: config["downloads"]["local"].get(
                f"annotations-{wildcards.annotated_model}-{wildcards.annotated_images}"
            ),
            config_key=pattern(
                "downloads.local.annotations-{annotated_model}-{annotated_images}"
            ),
        ),
        contents=contents(
            own_copy_of("annotations-{annotated_model}-{annotated_images}")
        ),
    script:
        "../workflow_scripts/downloads/fetch_folder.py"
