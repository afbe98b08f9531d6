# an archive of the user
rule unpack_images:
    input:
        archive=lambda wildcards: config["datasets"][wildcards.dataset]["images"],
    output:
        folder=directory("resources/data/images/{dataset}"),
    log:
        "logs/unpack_images/{dataset}.log",
    benchmark:
        "benchmarks/unpack_images/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        contents=contents(own_images_of),
        code=code_hash("lib.stages.exemplars.unpack_images"),
    script:
        "../workflow_scripts/exemplars/unpack_images.py"


rule list_images:
    input:
        data=of(entries.image_folder, "dataset"),
    output:
        images="resources/images/{dataset}/images.csv",
        skipped="resources/images/{dataset}/skipped_images.csv",
    log:
        "logs/list_images/{dataset}.log",
    benchmark:
        "benchmarks/list_images/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    threads: THREADS
    params:
        settings=settings(
            subset=lambda wildcards: config["datasets"][wildcards.dataset]["subset"],
            column=lambda wildcards: config["datasets"][wildcards.dataset].get(
                "image_column", "path"
            ),
        ),
        contents=contents(own_images_of),
        code=code_hash("lib.stages.exemplars.list_images"),
    script:
        "../workflow_scripts/exemplars/list_images.py"


# inputs of a generator
rule draw_samples:
    input:
        latents=samples_file("latents"),
        classes=samples_file("classes"),
    output:
        samples="resources/images/{dataset}/samples.npz",
    log:
        "logs/draw_samples/{dataset}.log",
    benchmark:
        "benchmarks/draw_samples/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            draw=drawn_of,
            seed=config["seed"],
        ),
        contents=contents(samples_file("latents"), samples_file("classes")),
        code=code_hash("lib.stages.exemplars.draw_samples"),
    script:
        "../workflow_scripts/exemplars/draw_samples.py"


rule tally_units:
    input:
        latent_files_of,
        images=image_table_of,
        weights=weights_of,
    output:
        tally=directory("results/{model}/{dataset}/tallies/{batch}/{shard}"),
    log:
        "logs/tally_units/{model}/{dataset}/{batch}/{shard}.log",
    benchmark:
        "benchmarks/tally_units/{model}/{dataset}/{batch}/{shard}.jsonl"
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
            geometry=geometry_of,
            k=lambda wildcards: config["datasets"][wildcards.dataset]["k"],
            quantile=config["exemplars"]["quantile"],
            max_units=of(entries.annotated_units, "model", "dataset"),
            version=code_hash("lib.stages.exemplars.tally_units"),
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(own_images_of, network_files_of),
    script:
        "../workflow_scripts/exemplars/tally_units.py"


rule collect_exemplars:
    input:
        images=image_table_of,
        weights=lambda wildcards: (
            weights_of(wildcards) if is_generated(wildcards) else []
        ),
        tallies=of(batches.tally_folders, "model", "dataset"),
    output:
        exemplars=directory("results/{model}/{dataset}/exemplars"),
        units="results/{model}/{dataset}/units.csv",
    log:
        "logs/collect_exemplars/{model}/{dataset}.log",
    benchmark:
        "benchmarks/collect_exemplars/{model}/{dataset}.jsonl"
    wildcard_constraints:
        dataset=f"(?!(?:{datasets_with(captioners.GIVEN)})/)[^/]+",
    conda:
        "../envs/base.yaml"
    threads: THREADS
    resources:
        device=config["resources"]["device"],
        batch_size=config["resources"]["batch_size"],
    params:
        settings=settings(
            layers=layers_of,
            chosen=chosen_units_of,
            seed=config["seed"],
            network=lambda wildcards: (
                plain_network_of(wildcards) if is_generated(wildcards) else None
            ),
            geometry=geometry_of,
            output_size=lambda wildcards: config["datasets"][wildcards.dataset][
                "output_size"
            ],
        ),
        trusted_sha256=trusted_sha256,
        code=code_hash("lib.stages.exemplars.collect_exemplars"),
    script:
        "../workflow_scripts/exemplars/collect_exemplars.py"


rule adopt_exemplars:
    input:
        given=of(captioners.given_exemplars, "dataset"),
    output:
        exemplars=directory("results/{model}/{dataset}/exemplars"),
        units="results/{model}/{dataset}/units.csv",
    log:
        "logs/adopt_exemplars/{model}/{dataset}.log",
    benchmark:
        "benchmarks/adopt_exemplars/{model}/{dataset}.jsonl"
    wildcard_constraints:
        dataset=datasets_with(captioners.GIVEN),
    conda:
        "../envs/base.yaml"
    params:
        contents=contents(of(captioners.given_exemplars, "dataset")),
        code=code_hash("lib.stages.exemplars.adopt_exemplars"),
    script:
        "../workflow_scripts/exemplars/adopt_exemplars.py"


rule annotate_exemplars:
    input:
        data="resources/data/playground",
        images="resources/images/{dataset}/images.csv",
        exemplars="results/{model}/{dataset}/exemplars",
    output:
        annotations="results/{model}/{dataset}/annotations.csv",
    log:
        "logs/annotate_exemplars/{model}/{dataset}.log",
    benchmark:
        "benchmarks/annotate_exemplars/{model}/{dataset}.jsonl"
    wildcard_constraints:
        # a table of that name of any other data set is the user's
        dataset=datasets_with("playground"),
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.exemplars.annotate_exemplars"),
    script:
        "../workflow_scripts/exemplars/annotate_exemplars.py"
