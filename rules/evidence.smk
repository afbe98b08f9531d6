localrules:
    merge_simulation,


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


rule simulate_units:
    input:
        activations=activations_of,
        explanations="results/{model}/{dataset}/{concepts}/parts/explanations/{layer}/{chunk}.csv",
        layer_explanations=parts_of("explanations"),
        descriptions=of(targets.readable_sentences, "model", "dataset", "concepts"),
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


use rule merge_tables as merge_simulation with:
    input:
        parts=parts_of("simulation"),
    output:
        merged="results/{model}/{dataset}/{concepts}/simulation.csv",
    log:
        "logs/merge_simulation/{model}/{dataset}/{concepts}.log",
    params:
        settings=settings(
            table="simulation",
            layers=layers_of,
        ),


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
