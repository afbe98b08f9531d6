rule search_shuffled:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        nulls="results/{model}/{dataset}/{concepts}/parts/nulls/{layer}/{chunk}.csv",
    log:
        "logs/search_shuffled/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/search_shuffled/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=explanation_settings(
            n_shuffles=config["evidence"]["shuffles"],
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.evidence.search_shuffled"),
    script:
        "../workflow_scripts/evidence/search_shuffled.py"


rule measure_chance:
    input:
        explanations="results/{model}/{dataset}/{concepts}/explanations.csv",
        nulls=parts_of("nulls"),
    output:
        chance="results/{model}/{dataset}/{concepts}/chance.csv",
    log:
        "logs/measure_chance/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/measure_chance/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.evidence.measure_chance"),
    script:
        "../workflow_scripts/evidence/measure_chance.py"


rule score_labels:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
        descriptions=sentences_of,
        labels=imported_labels_of,
        fresh_activations=lambda wildcards: fresh_activations_of(wildcards) or [],
        fresh_concept_set=lambda wildcards: (
            f"resources/concepts/{fresh_of(wildcards)}.zarr"
            if fresh_of(wildcards)
            else []
        ),
    output:
        label_scores="results/{model}/{dataset}/{concepts}/parts/label_scores/{layer}/{chunk}.csv",
    log:
        "logs/score_labels/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/score_labels/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=explanation_settings(
            layers=layers_of,
            seed=config["seed"],
        ),
        contents=contents(imported_labels_of),
        code=code_hash("lib.stages.evidence.score_labels"),
    script:
        "../workflow_scripts/evidence/score_labels.py"


rule check_metrics:
    output:
        metric_checks="results/metric_checks.csv",
    log:
        "logs/check_metrics.log",
    benchmark:
        "benchmarks/check_metrics.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.evidence.check_metrics"),
    script:
        "../workflow_scripts/evidence/check_metrics.py"
