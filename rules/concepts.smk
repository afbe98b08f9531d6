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
        settings=of(entries.conversion_settings, "concepts"),
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
            concepts=chosen_concepts_of,
        ),
        contents=contents(concept_data_of),
        code=code_hash("lib.stages.concepts.build_concepts"),
    script:
        "../workflow_scripts/concepts/build_concepts.py"
