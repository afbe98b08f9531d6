rule convert_milan:
    input:
        payload="resources/milan/{milan}.pth",
    output:
        milan="resources/milan/{milan}.safetensors",
    log:
        "logs/convert_milan/{milan}.log",
    benchmark:
        "benchmarks/convert_milan/{milan}.jsonl"
    wildcard_constraints:
        milan=any_of(DOWNLOADED_MILAN),
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.convert_milan"),
    script:
        "../workflow_scripts/convert_milan.py"


rule train_milan:
    input:
        exemplars=annotated("exemplars"),
        annotations=annotated("annotations.csv"),
        encoder_weights=milan_encoder_of,
    output:
        milan="resources/milan/{milan}.safetensors",
        report="resources/milan/{milan}.csv",
    log:
        "logs/train_milan/{milan}.log",
    benchmark:
        "benchmarks/train_milan/{milan}.jsonl"
    wildcard_constraints:
        milan=any_of(TRAINED_MILAN),
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            networks=annotated_networks_of,
            **{key: milan_setting(key) for key in sorted(MILAN_SETTINGS)},
            normalisation=lambda wildcards: (
                config["datasets"]["playground"]["normalisation"]
                if wildcards.milan == "playground"
                else "imagenet"
            ),
            seed=config["seed"],
        ),
        trusted_sha256=trusted_sha256,
        code=code_hash("lib.stages.train_milan"),
    script:
        "../workflow_scripts/train_milan.py"


rule export_milan:
    input:
        milan="resources/milan/playground.safetensors",
    output:
        payload="resources/milan/playground.pth",
    log:
        "logs/export_milan.log",
    benchmark:
        "benchmarks/export_milan.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.export_milan"),
    script:
        "../workflow_scripts/export_milan.py"


rule describe_units:
    input:
        exemplars="results/{model}/{dataset}/exemplars",
        units="results/{model}/{dataset}/units.csv",
        milan=milan_of,
        clip_weights=configuration.clip_file(config),
    output:
        descriptions="results/{model}/{dataset}/parts/descriptions/{chunk}.csv",
        n_best="results/{model}/{dataset}/parts/n_best/{chunk}.csv",
    log:
        "logs/describe_units/{model}/{dataset}/{chunk}.log",
    benchmark:
        "benchmarks/describe_units/{model}/{dataset}/{chunk}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            chunk=pattern("{chunk}"),
            n_listed=config["milan"]["n_best"],
            beam_size=config["milan"]["beam"],
            temperature=config["milan"]["temperature"],
            strategy=config["milan"]["strategy"],
            lm_sum=config["milan"]["lm_sum"],
            clip=clip_settings(),
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(milan_of, lambda wildcards: configuration.clip_file(config)),
        code=code_hash("lib.stages.describe_units"),
    script:
        "../workflow_scripts/describe_units.py"


rule merge_descriptions:
    input:
        parts=lambda wildcards: [
            f"results/{wildcards.model}/{wildcards.dataset}/parts/{wildcards.table}/{chunk}.csv"
            for chunk in chunks(config["milan"]["chunks"])
        ],
    output:
        merged="results/{model}/{dataset}/{table}.csv",
    log:
        "logs/merge_descriptions/{model}/{dataset}/{table}.log",
    wildcard_constraints:
        table="descriptions|n_best",
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            table=pattern("{table}"),
            layers=layers_of,
        ),
        code=code_hash("lib.stages.merge_tables"),
    script:
        "../workflow_scripts/merge_tables.py"


rule score_descriptions:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        annotations="results/{model}/{dataset}/annotations.csv",
    output:
        metrics="results/{model}/{dataset}/description_metrics.csv",
    log:
        "logs/score_descriptions/{model}/{dataset}.log",
    benchmark:
        "benchmarks/score_descriptions/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            bert_score_model=config["milan"]["bert_score_model"],
            seed=config["seed"],
        ),
        contents=contents(lambda wildcards: config["milan"]["bert_score_model"] or []),
        code=code_hash("lib.stages.score_descriptions"),
    script:
        "../workflow_scripts/score_descriptions.py"
