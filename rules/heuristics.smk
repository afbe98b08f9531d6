rule compare_heuristics:
    input:
        activations=activations_of,
        ranges="results/{model}/{dataset}/{concepts}/ranges.csv",
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        heuristics="results/{model}/{dataset}/{concepts}/heuristics.csv",
    log:
        "logs/compare_heuristics/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/compare_heuristics/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            units=config["heuristics"]["units"],
            seconds=config["explanations"]["seconds"],
            length=config["explanations"]["length"],
            beam=config["explanations"]["beam"],
        ),
        code=code_hash("lib.stages.compare_heuristics"),
    script:
        "../workflow_scripts/compare_heuristics.py"


rule plot_heuristics:
    input:
        heuristics="results/{model}/{dataset}/{concepts}/heuristics.csv",
    output:
        plot=report(
            "results/{model}/{dataset}/{concepts}/heuristics.png",
            caption="captions/heuristics.rst",
            category="Searches",
        ),
    log:
        "logs/plot_heuristics/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/plot_heuristics/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.reporting.plots"),
    script:
        "../workflow_scripts/plot_heuristics.py"
