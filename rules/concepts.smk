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
        concepts=concepts_of,
        code=code_hash("lib.stages.build_concepts"),
    script:
        "../workflow_scripts/build_concepts.py"
