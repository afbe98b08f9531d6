# Exports for other programs, and annotations by crowd workers. Nothing is uploaded.
localrules:
    list_hits,
    write_task_pages,
    summarise_ratings,
    draw_words,


rule export_catalog:
    input:
        exemplars="results/{model}/{dataset}/exemplars",
        descriptions="results/{model}/{dataset}/descriptions.csv",
    output:
        data="results/{model}/{dataset}/export/data.json",
        images=directory("results/{model}/{dataset}/export/images"),
    log:
        "logs/export_catalog/{model}/{dataset}.log",
    benchmark:
        "benchmarks/export_catalog/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            network=pattern("{model}/{dataset}"),
            base_url=config["export"]["base_url"],
            opacity=config["catalog"]["opacity"],
        ),
        code=code_hash("lib.stages.crowd.export_catalog"),
    script:
        "../workflow_scripts/crowd/export_catalog.py"


rule export_annotations:
    input:
        exemplars="results/{model}/{dataset}/exemplars",
        annotations=annotations_of,
    output:
        archive="results/{model}/{dataset}/export/milannotations.zip",
    log:
        "logs/export_annotations/{model}/{dataset}.log",
    benchmark:
        "benchmarks/export_annotations/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            with_images=config["export"]["images"],
        ),
        contents=contents(annotations_of),
        code=code_hash("lib.stages.crowd.export_annotations"),
    script:
        "../workflow_scripts/crowd/export_annotations.py"


rule export_hub:
    input:
        units="results/{model}/{dataset}/units.csv",
        descriptions="results/{model}/{dataset}/descriptions.csv",
        explanations=catalog_tables("explanations"),
        exemplars="results/{model}/{dataset}/exemplars",
        provenance="results/{model}/{dataset}/provenance.json",
    output:
        hub=directory("results/{model}/{dataset}/export/hub"),
    log:
        "logs/export_hub/{model}/{dataset}.log",
    benchmark:
        "benchmarks/export_hub/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            concept_sets=of(targets.concept_sets, "model", "dataset"),
            with_images=config["export"]["images"],
        ),
        code=code_hash("lib.stages.crowd.export_hub"),
    script:
        "../workflow_scripts/crowd/export_hub.py"


rule export_directions:
    input:
        latent_files_of,
        weights=weights_of,
    output:
        directions="results/{model}/{dataset}/export/directions.safetensors",
    log:
        "logs/export_directions/{model}/{dataset}.log",
    benchmark:
        "benchmarks/export_directions/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            network=network_of,
            layers=layers_of,
        ),
        trusted_sha256=trusted_sha256,
        contents=contents(network_files_of),
        code=code_hash("lib.stages.crowd.export_directions"),
    script:
        "../workflow_scripts/crowd/export_directions.py"


rule list_hits:
    input:
        exemplars="results/{model}/{dataset}/exemplars",
        units="results/{model}/{dataset}/units.csv",
    output:
        hits="results/{model}/{dataset}/crowd/hits.csv",
    log:
        "logs/list_hits/{model}/{dataset}.log",
    benchmark:
        "benchmarks/list_hits/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            network=pattern("{model}/{dataset}"),
            base_url=config["export"]["base_url"],
            limit=config["crowd"]["limit"],
            seed=config["seed"],
        ),
        code=code_hash("lib.stages.crowd.list_hits"),
    script:
        "../workflow_scripts/crowd/list_hits.py"


rule write_task_pages:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        images="results/{model}/{dataset}/export/images",
    output:
        pages=directory("results/{model}/{dataset}/crowd/pages"),
    log:
        "logs/write_task_pages/{model}/{dataset}.log",
    benchmark:
        "benchmarks/write_task_pages/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            title=config["crowd"]["title"],
            instructions=config["crowd"]["instructions"],
            questions=config["crowd"]["questions"],
            k=lambda wildcards: config["datasets"][wildcards.dataset]["k"],
            seed=config["seed"],
        ),
        code=code_hash("lib.reporting.crowd.pages"),
    script:
        "../workflow_scripts/crowd/write_task_pages.py"


rule clean_annotations:
    input:
        results=answers_of,
        units="results/{model}/{dataset}/units.csv",
    output:
        annotations="results/{model}/{dataset}/crowd/annotations.csv",
        rejected="results/{model}/{dataset}/crowd/rejected.csv",
        spelling="results/{model}/{dataset}/crowd/spelling.csv",
    log:
        "logs/clean_annotations/{model}/{dataset}.log",
    benchmark:
        "benchmarks/clean_annotations/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            phrases={
                key: config["crowd"][key]
                for key in ("prefixes", "suffixes", "replacements")
            },
            least_letters=config["crowd"]["letters"],
            least_words=config["crowd"]["words"],
            most_copies=config["crowd"]["copies"],
            correct_spelling=config["crowd"]["spelling"],
            known_words=config["crowd"]["known_words"],
        ),
        contents=contents(answers_of),
        code=code_hash("lib.stages.crowd.clean_annotations"),
    script:
        "../workflow_scripts/crowd/clean_annotations.py"


rule summarise_ratings:
    input:
        answers=ratings_of,
        descriptions="results/{model}/{dataset}/descriptions.csv",
        explanations=catalog_tables("explanations"),
        verdicts=evidence_of("verdicts"),
    output:
        ratings="results/{model}/{dataset}/crowd/ratings.csv",
        left_out="results/{model}/{dataset}/crowd/ratings_left_out.csv",
    log:
        "logs/summarise_ratings/{model}/{dataset}.log",
    benchmark:
        "benchmarks/summarise_ratings/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            network=pattern("{model}/{dataset}"),
            concept_sets=of(targets.concept_sets, "model", "dataset"),
        ),
        contents=contents(ratings_of),
        code=code_hash("lib.stages.crowd.summarise_ratings"),
    script:
        "../workflow_scripts/crowd/summarise_ratings.py"


rule measure_agreement:
    input:
        annotations=annotations_of,
    output:
        agreement="results/{model}/{dataset}/agreement.csv",
    log:
        "logs/measure_agreement/{model}/{dataset}.log",
    benchmark:
        "benchmarks/measure_agreement/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            networks=lambda wildcards: [f"{wildcards.model}/{wildcards.dataset}"],
            bert_score_model=config["milan"]["bert_score_model"],
            seed=config["seed"],
        ),
        contents=contents(
            annotations_of, lambda wildcards: config["milan"]["bert_score_model"] or []
        ),
        code=code_hash("lib.stages.crowd.measure_agreement"),
    script:
        "../workflow_scripts/crowd/measure_agreement.py"


use rule measure_agreement as measure_published_agreement with:
    input:
        annotations=lambda wildcards: expand(
            "resources/milannotations/{network}/annotations.csv",
            network=milan_groups.GROUPS[wildcards.group],
        ),
    output:
        agreement="resources/milannotations/{group}.agreement.csv",
    log:
        "logs/measure_published_agreement/{group}.log",
    benchmark:
        "benchmarks/measure_published_agreement/{group}.jsonl"
    wildcard_constraints:
        group="|".join(milan_groups.GROUPS),
    params:
        settings=settings(
            networks=lambda wildcards: list(milan_groups.GROUPS[wildcards.group]),
            bert_score_model=config["milan"]["bert_score_model"],
            seed=config["seed"],
        ),
        contents=contents(lambda wildcards: config["milan"]["bert_score_model"] or []),


rule count_words:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
    output:
        words="results/{model}/{dataset}/words.csv",
    log:
        "logs/count_words/{model}/{dataset}.log",
    benchmark:
        "benchmarks/count_words/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            network=pattern("{model}/{dataset}"),
            tagger=config["milan"]["tagger"],
        ),
        code=code_hash("lib.stages.crowd.count_words"),
    script:
        "../workflow_scripts/crowd/count_words.py"


rule draw_words:
    input:
        words="results/{model}/{dataset}/words.csv",
    output:
        plot=report(
            "results/{model}/{dataset}/words.png",
            caption="captions/words.rst",
            category="Sentences",
            labels={"model": "{model}", "dataset": "{dataset}", "content": "words"},
        ),
    log:
        "logs/draw_words/{model}/{dataset}.log",
    benchmark:
        "benchmarks/draw_words/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.reporting.word_plot"),
    script:
        "../workflow_scripts/crowd/draw_words.py"
