rule compare_targets:
    input:
        explanations=[
            "results/{}/{}/{}/explanations.csv".format(*entry)
            for entry in compared_entries()
        ],
        concept_sets=[
            f"resources/concepts/{concepts}.zarr"
            for _, _, concepts in compared_entries()
        ],
    output:
        comparison=report(
            "results/comparison.csv",
            caption="captions/comparison.rst",
            category="Comparison",
        ),
    log:
        "logs/compare_targets.log",
    benchmark:
        "benchmarks/compare_targets.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            entries=compared_entries(),
            iou=config["comparison"]["iou"],
        ),
        code=code_hash("lib.stages.compare_targets"),
    script:
        "../workflow_scripts/compare_targets.py"
