rule record_activations:
    input:
        latent_files_of,
        data=concept_data_of,
        weights=weights_of,
    output:
        activations=directory(
            "results/{model}/{dataset}/{concepts}/activations/{batch}/{shard}"
        ),
    log:
        "logs/record_activations/{model}/{dataset}/{concepts}/{batch}/{shard}.log",
    benchmark:
        "benchmarks/record_activations/{model}/{dataset}/{concepts}/{batch}/{shard}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
        batch_size=config["resources"]["batch_size"],
    params:
        settings=settings(
            layers=lambda wildcards: batches.layers_of_batch(wildcards.batch),
            shard=pattern("{shard}"),
            network=recorded_network_of,
            concepts=concepts_of,
            input_size=input_size_of,
            version=code_hash("lib.stages.activations.record_activations"),
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(concept_data_of, network_files_of),
    script:
        "../workflow_scripts/activations/record_activations.py"


# quality of the latents of a layer, or of its own units, beside which they stand
rule measure_latents:
    input:
        activations=base_activations_of,
        latents=latent_files_of,
        concept_set="resources/concepts/{concepts}.zarr",
    output:
        sae_quality="results/{model}/{dataset}/{concepts}/parts/sae_quality/{layer}.csv",
        sae_concepts="results/{model}/{dataset}/{concepts}/parts/sae_concepts/{layer}.csv",
    log:
        "logs/measure_latents/{model}/{dataset}/{concepts}/{layer}.log",
    benchmark:
        "benchmarks/measure_latents/{model}/{dataset}/{concepts}/{layer}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    params:
        settings=settings(
            network=pattern("{model}"),
            layer=pattern("{layer}"),
            entry=of(latents.quality_entry, "layer"),
            # that of Network Dissection, if there is no range `top`
            quantile=config["ranges"]["quantile"] or 0.005,
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.activations.measure_latents"),
    script:
        "../workflow_scripts/activations/measure_latents.py"


# table of all layers that can be recorded
rule list_layers:
    input:
        weights=weights_of,
        samples=lambda wildcards: (
            image_table_of(wildcards) if is_generated(wildcards) else []
        ),
    output:
        layers="results/{model}/{dataset}/layers.csv",
    log:
        "logs/list_layers/{model}/{dataset}.log",
    benchmark:
        "benchmarks/list_layers/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            network=plain_network_of,
            input_size=lambda wildcards: (
                None if is_generated(wildcards) else input_size_of(wildcards)
            ),
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(network_files_of),
        code=code_hash("lib.stages.activations.list_layers"),
    script:
        "../workflow_scripts/activations/list_layers.py"


# an autoencoder or directions, whose latents are units: trained or drawn here, or of another program
rule make_latents:
    input:
        activations=of(latents.base_activations, "model", "dataset", "layer"),
        given=of(latents.given_file, "layer"),
    output:
        latents="resources/saes/{model}/{dataset}/{layer}.safetensors",
    log:
        "logs/make_latents/{model}/{dataset}/{layer}.log",
    benchmark:
        "benchmarks/make_latents/{model}/{dataset}/{layer}.jsonl"
    conda:
        "../envs/base.yaml"
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            layer=pattern("{layer}"),
            making=of(latents.making_settings, "layer"),
        ),
        contents=contents(of(latents.given_file, "layer")),
        code=code_hash("lib.stages.activations.make_latents"),
    script:
        "../workflow_scripts/activations/make_latents.py"
