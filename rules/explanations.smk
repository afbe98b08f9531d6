localrules:
    merge_diou,
    merge_label_masking,


rule find_ranges:
    input:
        activations=activations_of,
    output:
        ranges="results/{model}/{dataset}/{concepts}/parts/ranges/{layer}/{chunk}.csv",
        histograms="results/{model}/{dataset}/{concepts}/parts/histograms/{layer}/{chunk}.csv",
    log:
        "logs/find_ranges/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/find_ranges/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            layer=pattern("{layer}"),
            chunk=pattern("{chunk}"),
            units=of(entries.chosen_units, "model", "layer"),
            seed=config["seed"],
            quantile=config["ranges"]["quantile"],
            # a single cluster is no clustering: only the range `top`, as before Clustered Compositional Explanations
            n_clusters=(
                config["ranges"]["clusters"] if config["ranges"]["clusters"] > 1 else 0
            ),
        ),
        code=code_hash("lib.stages.explanations.find_ranges"),
    script:
        "../workflow_scripts/explanations/find_ranges.py"


rule explain_units:
    input:
        activations=activations_of,
        ranges="results/{model}/{dataset}/{concepts}/parts/ranges/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
    log:
        "logs/explain_units/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/explain_units/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    resources:
        device=config["resources"]["device"],
    params:
        settings=explanation_settings(
            version=code_hash("lib.stages.explanations.explain_units"),
        ),
    script:
        "../workflow_scripts/explanations/explain_units.py"


rule score_explanations:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
        label_masking=(
            []
            if config["metrics"]["masking_images"] == 0
            else "results/{model}/{dataset}/{concepts}/parts/label_masking/{layer}/{chunk}.csv"
        ),
    output:
        metrics="results/{model}/{dataset}/{concepts}/parts/metrics/{layer}/{chunk}.csv",
    log:
        "logs/score_explanations/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/score_explanations/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            layer=pattern("{layer}"),
        ),
        code=code_hash("lib.stages.explanations.score_explanations"),
    script:
        "../workflow_scripts/explanations/score_explanations.py"


rule outline_ranges:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        outlines="results/{model}/{dataset}/{concepts}/parts/outlines/{layer}/{chunk}.csv",
    log:
        "logs/outline_ranges/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/outline_ranges/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            layer=pattern("{layer}"),
            k=config["catalog"]["range_images"],
        ),
        code=code_hash("lib.stages.explanations.outline_ranges"),
    script:
        "../workflow_scripts/explanations/outline_ranges.py"


# on request
rule measure_diou:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        diou="results/{model}/{dataset}/{concepts}/parts/diou/{layer}/{chunk}.csv",
    log:
        "logs/measure_diou/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/measure_diou/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            layer=pattern("{layer}"),
        ),
        code=code_hash("lib.stages.explanations.score_explanations"),
    script:
        "../workflow_scripts/explanations/measure_diou.py"


use rule merge_tables as merge_diou with:
    input:
        parts=parts_of("diou"),
    output:
        merged="results/{model}/{dataset}/{concepts}/diou.csv",
    log:
        "logs/merge_diou/{model}/{dataset}/{concepts}.log",
    params:
        settings=settings(
            table="diou",
            layers=layers_of,
            chosen=chosen_units_of,
        ),


use rule merge_tables as merge_label_masking with:
    input:
        parts=label_masking_parts_of,
    output:
        merged="results/{model}/{dataset}/{concepts}/label_masking.csv",
    log:
        "logs/merge_label_masking/{model}/{dataset}/{concepts}.log",
    params:
        settings=settings(
            table="label_masking",
            layers=layers_of,
            chosen=chosen_units_of,
        ),


rule measure_label_masking:
    input:
        latent_files_of,
        data=concept_data_of,
        weights=weights_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        label_masking="results/{model}/{dataset}/{concepts}/parts/label_masking/{layer}/{chunk}.csv",
    log:
        "logs/measure_label_masking/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/measure_label_masking/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
        batch_size=config["resources"]["batch_size"],
    params:
        settings=settings(
            layer=pattern("{layer}"),
            network=recorded_network_of,
            concepts=concepts_of,
            input_size=input_size_of,
            n_images=config["metrics"]["masking_images"],
            seed=config["seed"],
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(concept_data_of, network_files_of),
        code=code_hash("lib.stages.explanations.measure_label_masking"),
    script:
        "../workflow_scripts/explanations/measure_label_masking.py"
