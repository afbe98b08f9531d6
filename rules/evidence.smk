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


use rule build_concepts as build_twin_concepts with:
    input:
        data="resources/data/twins",
    output:
        concept_set=directory("resources/data/twins.zarr"),
    log:
        "logs/build_twin_concepts.log",
    benchmark:
        "benchmarks/build_twin_concepts.jsonl"
    params:
        settings=settings(
            # all of them, so that no image is left out
            concepts={
                "subset": "",
                "categories": "color object part material scene texture".split(),
            },
        ),
        contents="",


# responses to images outside the concept set: twins of scenes, or the user's images of labels
rule record_responses:
    input:
        images=pictures_of,
        weights=weights_of,
        ranges="results/{model}/{dataset}/{concepts}/ranges.csv",
    output:
        responses=directory("results/{model}/{dataset}/{concepts}/responses/{images}"),
    log:
        "logs/record_responses/{model}/{dataset}/{concepts}/{images}.log",
    benchmark:
        "benchmarks/record_responses/{model}/{dataset}/{concepts}/{images}.jsonl"
    wildcard_constraints:
        images="twins|labels",
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
        batch_size=config["resources"]["batch_size"],
    params:
        settings=settings(
            network=network_of,
            input_size=input_size_of,
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(network_files_of, pictures_of),
        code=code_hash("lib.stages.evidence.record_responses"),
    script:
        "../workflow_scripts/evidence/record_responses.py"


rule measure_interventions:
    input:
        explanations="results/{model}/{dataset}/{concepts}/explanations.csv",
        responses="results/{model}/{dataset}/{concepts}/responses/twins",
        twins="resources/data/twins.csv",
        twin_concepts="resources/data/twins.zarr",
    output:
        interventions="results/{model}/{dataset}/{concepts}/interventions.csv",
    log:
        "logs/measure_interventions/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/measure_interventions/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.evidence.measure_interventions"),
    script:
        "../workflow_scripts/evidence/measure_interventions.py"


rule measure_label_images:
    input:
        images=label_images_of,
        responses="results/{model}/{dataset}/{concepts}/responses/labels",
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/explanations.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        label_images="results/{model}/{dataset}/{concepts}/label_images.csv",
    log:
        "logs/measure_label_images/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/measure_label_images/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        contents=contents(label_images_of),
        code=code_hash("lib.stages.evidence.measure_label_images"),
    script:
        "../workflow_scripts/evidence/measure_label_images.py"


rule calibrate_interventions:
    input:
        concept_set="resources/concepts/playground.zarr",
        twins="resources/data/twins.csv",
        twin_concepts="resources/data/twins.zarr",
    output:
        calibration="results/planted/playground/parts/calibration/interventions.csv",
    log:
        "logs/calibrate_interventions.log",
    benchmark:
        "benchmarks/calibrate_interventions.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.evidence.calibrate_interventions"),
    script:
        "../workflow_scripts/evidence/calibrate_interventions.py"
