rule plant_units:
    input:
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        activations=directory(
            "results/planted/playground/{concepts}/activations/planted/0-of-1"
        ),
        planted="results/planted/playground/{concepts}/planted.csv",
    log:
        "logs/plant_units/{concepts}.log",
    benchmark:
        "benchmarks/plant_units/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            lengths=config["planted"]["lengths"],
            noises=config["planted"]["noises"],
            repeats=config["planted"]["repeats"],
            n_levels=config["ranges"]["clusters"],
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.plant_units"),
    script:
        "../workflow_scripts/plant_units.py"


rule measure_recovery:
    input:
        activations="results/planted/playground/playground/activations/planted/0-of-1",
        planted="results/planted/playground/playground/planted.csv",
        explanations="results/planted/playground/playground/explanations.csv",
        concept_set="resources/concepts/playground.zarr",
    output:
        recovery="results/planted/playground/recovery.csv",
    log:
        "logs/measure_recovery.log",
    benchmark:
        "benchmarks/measure_recovery.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.measure_recovery"),
    script:
        "../workflow_scripts/measure_recovery.py"
