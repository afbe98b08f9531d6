rule collect_exemplars:
    input:
        data=images_of,
        weights=weights_of,
    output:
        exemplars=directory("results/{model}/{dataset}/exemplars"),
        units="results/{model}/{dataset}/units.csv",
    log:
        "logs/collect_exemplars/{model}/{dataset}.log",
    benchmark:
        "benchmarks/collect_exemplars/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
        batch_size=config["resources"]["batch_size"],
    params:
        subset=lambda wildcards: config["datasets"][wildcards.dataset]["subset"],
        layers=layers_of,
        network=network_of,
        geometry=lambda wildcards: {
            "resize": config["datasets"][wildcards.dataset]["resize"],
            "crop": config["datasets"][wildcards.dataset]["input_size"],
        },
        k=lambda wildcards: config["datasets"][wildcards.dataset]["k"],
        quantile=config["exemplars"]["quantile"],
        output_size=lambda wildcards: config["datasets"][wildcards.dataset][
            "output_size"
        ],
        max_units=annotated_units_of,
        code=code_hash("lib.stages.collect_exemplars"),
    script:
        "../workflow_scripts/collect_exemplars.py"


rule annotate_exemplars:
    input:
        data="resources/data/playground",
        exemplars="results/{model}/{dataset}/exemplars",
    output:
        annotations="results/{model}/{dataset}/annotations.csv",
    log:
        "logs/annotate_exemplars/{model}/{dataset}.log",
    benchmark:
        "benchmarks/annotate_exemplars/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        seed=config["seed"],
        subset=lambda wildcards: config["datasets"][wildcards.dataset]["subset"],
        code=code_hash("lib.stages.annotate_exemplars"),
    script:
        "../workflow_scripts/annotate_exemplars.py"
