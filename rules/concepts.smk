rule convert_concepts:
    input:
        source=concept_source_of,
    output:
        folder=directory("resources/data/concepts/{concepts}"),
    log:
        "logs/convert_concepts/{concepts}.log",
    benchmark:
        "benchmarks/convert_concepts/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    params:
        settings=settings(
            format=lambda wildcards: config["concepts"][wildcards.concepts]["format"],
            places=lambda wildcards: {
                key: value
                for key, value in config["concepts"][wildcards.concepts].items()
                if key in ("images", "masks", "labels")
            },
            mask_size=lambda wildcards: config["concepts"][wildcards.concepts].get(
                "mask_size", 112
            ),
        ),
        contents=contents(concept_source_of),
        code=code_hash("lib.stages.concepts.convert_concepts"),
    script:
        "../workflow_scripts/concepts/convert_concepts.py"


rule build_concepts:
    input:
        data=concept_data_of,
    output:
        concept_set=directory("resources/concepts/{concepts}.zarr"),
    log:
        "logs/build_concepts/{concepts}.log",
    benchmark:
        "benchmarks/build_concepts/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    params:
        settings=settings(
            concepts=concepts_of,
        ),
        contents=contents(concept_data_of),
        code=code_hash("lib.stages.concepts.build_concepts"),
    script:
        "../workflow_scripts/concepts/build_concepts.py"
