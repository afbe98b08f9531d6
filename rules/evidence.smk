localrules:
    merge_calibration,
    plot_recovery,


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
