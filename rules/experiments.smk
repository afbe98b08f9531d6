BOOTSTRAPS = config["experiments"]["bootstraps"]


# the captioning model without mutual information
use rule describe_units as describe_by_likelihood with:
    output:
        descriptions="results/{model}/{dataset}/parts/likelihood_{search}/{chunk}.csv",
        n_best="results/{model}/{dataset}/parts/likelihood_{search}/{chunk}.n_best.csv",
    log:
        "logs/describe_by_likelihood/{model}/{dataset}/{search}/{chunk}.log",
    benchmark:
        "benchmarks/describe_by_likelihood/{model}/{dataset}/{search}/{chunk}.jsonl"
    wildcard_constraints:
        search="beam|greedy",
    params:
        settings=description_settings(
            strategy=pattern("likelihood_{search}"),
            clip=None,
            version=code_hash("lib.stages.captions.describe_units"),
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(milan_of),


rule compare_baselines:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        likelihood_beam=likelihood_parts("beam"),
        likelihood_greedy=likelihood_parts("greedy"),
        explanations="results/{model}/{dataset}/{concepts}/explanations.csv",
        dissection="results/{model}/{dataset}/{concepts}/dissection.csv",
        concept_set="resources/concepts/{concepts}.zarr",
        annotations=annotations_of,
    output:
        baselines="results/{model}/{dataset}/{concepts}/baselines.csv",
    log:
        "logs/compare_baselines/{model}/{dataset}/{concepts}.log",
    benchmark:
        "benchmarks/compare_baselines/{model}/{dataset}/{concepts}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            n_bootstraps=BOOTSTRAPS,
            seed=config["seed"],
        ),
        contents=contents(annotations_of),
        code=code_hash("lib.stages.experiments.compare_baselines"),
    script:
        "../workflow_scripts/experiments/compare_baselines.py"
