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


rule judge_labels:
    input:
        explanations="results/{model}/{dataset}/{concepts}/explanations.csv",
        chance="results/{model}/{dataset}/{concepts}/chance.csv",
        label_scores="results/{model}/{dataset}/{concepts}/label_scores.csv",
        stability="results/{model}/{dataset}/{concepts}/stability.csv",
        literal_support="results/{model}/{dataset}/{concepts}/literal_support.csv",
    output:
        verdicts="results/{model}/{dataset}/{concepts}/verdicts.csv",
        summary="results/{model}/{dataset}/{concepts}/verdict_summary.csv",
    log:
        "logs/judge_labels/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/judge_labels/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            largest_q_value=config["evidence"]["verdict"]["q_value"],
            least_support=config["evidence"]["verdict"]["support"],
        ),
        code=code_hash("lib.stages.evidence.judge_labels"),
    script:
        "../workflow_scripts/evidence/judge_labels.py"


rule measure_stability:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        stability="results/{model}/{dataset}/{concepts}/parts/stability/{layer}/{chunk}.csv",
        literal_support="results/{model}/{dataset}/{concepts}/parts/literal_support/{layer}/{chunk}.csv",
    log:
        "logs/measure_stability/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/measure_stability/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    params:
        settings=explanation_settings(
            n_bootstraps=config["evidence"]["bootstraps"],
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.evidence.measure_stability"),
    script:
        "../workflow_scripts/evidence/measure_stability.py"


rule simulate_units:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        layer_explanations=parts_of("explanations"),
        descriptions=sentences_read_by(sentence_parser_of),
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        simulation="results/{model}/{dataset}/{concepts}/parts/simulation/{layer}/{chunk}.csv",
    log:
        "logs/simulate_units/{model}/{dataset}/{concepts}/{layer}.{chunk}.log",
    benchmark:
        "benchmarks/simulate_units/{model}/{dataset}/{concepts}/{layer}.{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=explanation_settings(
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.evidence.simulate_units"),
    script:
        "../workflow_scripts/evidence/simulate_units.py"


rule summarise_simulation:
    input:
        simulation="results/{model}/{dataset}/{concepts}/simulation.csv",
    output:
        summary="results/{model}/{dataset}/{concepts}/simulation_summary.csv",
    log:
        "logs/summarise_simulation/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/summarise_simulation/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.evidence.summarise_simulation"),
    script:
        "../workflow_scripts/evidence/summarise_simulation.py"


rule compare_sentences:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        embeddings="resources/embeddings/{concepts}.zarr",
        clip_weights=clip_weights_of,
    output:
        similarities=directory("results/{model}/{dataset}/{concepts}/similarities.zarr"),
    log:
        "logs/compare_sentences/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/compare_sentences/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            clip=of(entries.clip_model),
        ),
        trusted_sha256=trusted_for_clip,
        contents=contents(clip_weights_of),
        code=code_hash("lib.stages.evidence.compare_sentences"),
    script:
        "../workflow_scripts/evidence/compare_sentences.py"


rule score_labels:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        concept_set="resources/concepts/{concepts}.zarr",
        descriptions=sentences_read_by(sentence_predictor_of),
        similarities=similarities_of,
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
        latent_files_of,
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
            network=recorded_network_of,
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


localrules:
    merge_calibration,
    merge_latent_quality,
    plot_recovery,


# measures of evidence where the truth is known
use rule merge_tables as merge_calibration with:
    input:
        parts=[
            f"results/planted/playground/parts/calibration/{name}.csv"
            for name in targets.CALIBRATIONS
        ],
    output:
        merged="results/planted/playground/calibration.csv",
    log:
        "logs/merge_calibration.log",
    params:
        settings=settings(
            table="calibration",
            layers=[],
            chosen={},
        ),


use rule plot_table as plot_recovery with:
    input:
        table="results/planted/playground/recovery.csv",
    output:
        plot=report(
            "results/planted/playground/recovery.png",
            caption="captions/recovery.rst",
            category="Planted units",
            labels={"content": "plot"},
        ),
    log:
        "logs/plot_recovery.log",
    benchmark:
        "benchmarks/plot_recovery.jsonl"
    params:
        settings=settings(
            kind="recovery",
        ),


use rule merge_tables as merge_latent_quality with:
    input:
        parts=lambda wildcards: of(
            latents.quality_parts,
            "model",
            "dataset",
            "concepts",
            table=wildcards.table,
        )(wildcards),
    output:
        merged="results/{model}/{dataset}/{concepts}/{table}.csv",
    log:
        "logs/merge_latent_quality/{model}/{dataset}/{concepts}/{table}.log",
    wildcard_constraints:
        table="sae_quality|sae_concepts",
