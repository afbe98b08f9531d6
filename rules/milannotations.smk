wildcard_constraints:
    annotated_model="|".join(
        sorted({name.split("/")[0] for name in milan_groups.NETWORKS})
    ),
    annotated_images="imagenet|places365",


# a checkpoint, because only the unpacked zip tells whether images are to be had from elsewhere
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
        "../workflow_scripts/fetch_folder.py"


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
        code=code_hash("lib.stages.complete_annotations"),
    script:
        "../workflow_scripts/complete_annotations.py"


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
        code=code_hash("lib.stages.list_annotations"),
    script:
        "../workflow_scripts/list_annotations.py"
