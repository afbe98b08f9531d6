rule draw_playground:
    output:
        folder=directory("resources/data/playground"),
    log:
        "logs/draw_playground.log",
    benchmark:
        "benchmarks/draw_playground.jsonl"
    conda:
        "../envs/base.yaml"
    threads: N_CORES
    params:
        settings=settings(
            n_images=config["playground"]["n_images"],
            image_size=config["playground"]["image_size"],
            validation_share=config["playground"]["validation_share"],
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.draw_playground"),
    script:
        "../workflow_scripts/draw_playground.py"


# labelled images as a user has them, for the README's example
rule draw_example:
    output:
        folder=directory("resources/example"),
    log:
        "logs/draw_example.log",
    benchmark:
        "benchmarks/draw_example.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.draw_example"),
    script:
        "../workflow_scripts/draw_example.py"


rule train_playground_network:
    input:
        data="resources/data/playground",
    output:
        weights="resources/weights/playground/{model}.safetensors",
        report="resources/weights/playground/{model}.json",
    log:
        "logs/train_playground_network/{model}.log",
    benchmark:
        "benchmarks/train_playground_network/{model}.jsonl"
    conda:
        "../envs/base.yaml"
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            network=lambda wildcards: networks.training_settings(
                wildcards.model, "playground", config=config
            ),
            input_size=lambda wildcards: networks.input_size(
                wildcards.model, "playground", config=config
            ),
            training=config["training"],
        ),
        code=code_hash("lib.stages.train_playground_network"),
    script:
        "../workflow_scripts/train_playground_network.py"


# captions wait for the encoder, which takes longest to train: it goes first
use rule train_playground_network as train_encoder_network with:
    wildcard_constraints:
        model=config["milan"]["training"]["encoder"],
    priority: 1


ruleorder: train_encoder_network > train_playground_network


rule train_playground_generator:
    input:
        data="resources/data/playground",
    output:
        weights="resources/weights/playground/generators/{model}.safetensors",
        report="resources/weights/playground/generators/{model}.json",
    log:
        "logs/train_playground_generator/{model}.log",
    benchmark:
        "benchmarks/train_playground_generator/{model}.jsonl"
    conda:
        "../envs/base.yaml"
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            network=lambda wildcards: networks.training_settings(
                wildcards.model, "playground", config=config
            ),
            training=config["generator"],
        ),
        code=code_hash("lib.stages.train_playground_generator"),
    script:
        "../workflow_scripts/train_playground_generator.py"
