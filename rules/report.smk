# takes a second, less than a cluster job would wait
localrules:
    merge_tables,
    merge_descriptions,
    draw_card,
    write_index,


sources_of = of(targets.result_sources, "model", "dataset")


rule merge_tables:
    input:
        parts=lambda wildcards: parts_of(wildcards.table)(wildcards),
    output:
        merged="results/{model}/{dataset}/{concepts}/{table}.csv",
    log:
        "logs/merge_tables/{model}/{dataset}/{concepts}/{table}.log",
    wildcard_constraints:
        table="|".join(
            (*targets.EXPLANATION_TABLES, "outlines", *targets.EVIDENCE_PARTS)
        ),
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            table=pattern("{table}"),
            layers=layers_of,
            chosen=chosen_units_of,
        ),
        code=code_hash("lib.stages.report.merge_tables"),
    script:
        "../workflow_scripts/report/merge_tables.py"


rule merge_descriptions:
    input:
        parts=lambda wildcards: [
            f"results/{wildcards.model}/{wildcards.dataset}/parts/{wildcards.table}/{chunk}.csv"
            for chunk in all_parts(config["milan"]["chunks"])
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
            # given exemplars have their own layers
            layers=lambda wildcards: (
                []
                if of(captioners.is_given, "dataset")(wildcards)
                else layers_of(wildcards)
            ),
            chosen=lambda wildcards: (
                {}
                if of(captioners.is_given, "dataset")(wildcards)
                else chosen_units_of(wildcards)
            ),
        ),
        code=code_hash("lib.stages.report.merge_tables"),
    script:
        "../workflow_scripts/report/merge_tables.py"


rule write_catalog:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        units="results/{model}/{dataset}/units.csv",
        neighbours=["results/{model}/{dataset}/neighbours.csv"],
        unit_map=["results/{model}/{dataset}/map.csv"],
        exemplars="results/{model}/{dataset}/exemplars",
        explanations=catalog_tables("explanations"),
        ranges=catalog_tables("ranges"),
        histograms=catalog_tables("histograms"),
        metrics=catalog_tables("metrics"),
        dissection=catalog_tables("dissection"),
        outlines=catalog_tables("outlines"),
        data=catalog_data_of,
        verdicts=evidence_of("verdicts"),
        stability=evidence_of("stability"),
        twins=twins_of,
        arena=arena_scores_of,
        truths=true_captions_of,
        annotations=peoples_annotations_of,
        audit=audit_of,
    output:
        catalog=directory("results/{model}/{dataset}/catalog"),
    log:
        "logs/write_catalog/{model}/{dataset}.log",
    benchmark:
        "benchmarks/write_catalog/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            concept_sets=of(targets.concept_sets, "model", "dataset"),
            model=pattern("{model}"),
            dataset=pattern("{dataset}"),
            opacity=config["catalog"]["opacity"],
            base_url=config["catalog"]["base_url"],
            k_shown=config["catalog"]["k_shown"],
            concepts=catalog_concepts_of,
        ),
        contents=contents(peoples_annotations_of, catalog_data_of),
        code=code_hash(
            "lib.reporting.catalog.pages",
            "lib/reporting/catalog/templates",
            "lib/reporting/templates",
        ),
    script:
        "../workflow_scripts/report/write_catalog.py"


# neighbours of each unit and a map of all
rule map_units:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        exemplars="results/{model}/{dataset}/exemplars",
        explanations=catalog_tables("explanations"),
    output:
        neighbours="results/{model}/{dataset}/neighbours.csv",
        unit_map="results/{model}/{dataset}/map.csv",
    log:
        "logs/map_units/{model}/{dataset}.log",
    benchmark:
        "benchmarks/map_units/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash("lib.stages.report.map_units"),
    script:
        "../workflow_scripts/report/map_units.py"


rule pack_catalog:
    input:
        catalog="results/{model}/{dataset}/catalog",
        provenance="results/{model}/{dataset}/provenance.json",
    output:
        archive="results/{model}/{dataset}/catalog.zip",
    log:
        "logs/pack_catalog/{model}/{dataset}.log",
    benchmark:
        "benchmarks/pack_catalog/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            name=pattern("{model}-{dataset}"),
        ),
        code=code_hash("lib.stages.report.pack_catalog"),
    script:
        "../workflow_scripts/report/pack_catalog.py"


rule draw_card:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        exemplars="results/{model}/{dataset}/exemplars",
        explanations=catalog_tables("explanations"),
        ranges=catalog_tables("ranges"),
        verdicts=evidence_of("verdicts"),
    output:
        card="results/{model}/{dataset}/cards/{layer}/{unit}.svg",
    log:
        "logs/draw_card/{model}/{dataset}/{layer}/{unit}.log",
    wildcard_constraints:
        unit=r"\d+",
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            model=pattern("{model}"),
            dataset=pattern("{dataset}"),
            layer=pattern("{layer}"),
            unit=pattern("{unit}"),
            concept_sets=of(targets.concept_sets, "model", "dataset"),
            opacity=config["catalog"]["opacity"],
        ),
        code=code_hash("lib.reporting.cards"),
    script:
        "../workflow_scripts/report/draw_card.py"


# key figures of each network for the index of catalogs and the report
rule summarise_network:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        units="results/{model}/{dataset}/units.csv",
        exemplars="results/{model}/{dataset}/exemplars",
        explanations=catalog_tables("explanations"),
        metrics=catalog_tables("metrics"),
        verdicts=evidence_of("verdicts"),
        description_metrics=caption_metrics_of,
    output:
        summary="results/{model}/{dataset}/summary.json",
        examples=report(
            directory("results/{model}/{dataset}/examples"),
            patterns=["{layer}/{unit}.jpg"],
            caption="captions/example_units.rst",
            category="Example units",
            subcategory="{model} {dataset}",
            labels=unit_labels,
        ),
    log:
        "logs/summarise_network/{model}/{dataset}.log",
    benchmark:
        "benchmarks/summarise_network/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(
            model=pattern("{model}"),
            dataset=pattern("{dataset}"),
            concept_sets=of(targets.concept_sets, "model", "dataset"),
            n_examples=config["report"]["units"],
        ),
        code=code_hash("lib.reporting.index.summary"),
    script:
        "../workflow_scripts/report/summarise_network.py"


rule write_index:
    input:
        catalogs=[f"{root}/catalog" for root in targets.network_roots(config)],
        summaries=[f"{root}/summary.json" for root in targets.network_roots(config)],
        examples=[f"{root}/examples" for root in targets.network_roots(config)],
        comparison=compared_of,
    output:
        index="results/index.html",
        front_page=report(
            "results/front_page.html",
            caption="captions/front_page.rst",
            category="Overview",
            labels={"content": "key figures"},
        ),
    log:
        "logs/write_index.log",
    benchmark:
        "benchmarks/write_index.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        code=code_hash(
            "lib.reporting.index.pages",
            "lib/reporting/index/templates",
            "lib/reporting/templates",
        ),
    script:
        "../workflow_scripts/report/write_index.py"


rule compare_networks:
    input:
        summaries=[f"{root}/summary.json" for root in targets.network_roots(config)],
        descriptions=[
            f"{root}/descriptions.csv" for root in targets.network_roots(config)
        ],
        exemplars=[f"{root}/exemplars" for root in targets.network_roots(config)],
        explanations=[
            f"{root}/{concepts}/explanations.csv"
            for root in targets.network_roots(config)
            for concepts in targets.concept_sets(*root.split("/")[1:], config=config)
        ],
    output:
        comparison=directory("results/compare"),
    log:
        "logs/compare_networks.log",
    benchmark:
        "benchmarks/compare_networks.jsonl"
    conda:
        "../envs/base.yaml"
    params:
        settings=settings(**targets.compared_networks(config)),
        code=code_hash(
            "lib.reporting.index.comparison",
            "lib/reporting/index/templates",
            "lib/reporting/templates",
        ),
    script:
        "../workflow_scripts/report/compare_networks.py"


rule write_provenance:
    input:
        tables=of(targets.result_tables, "model", "dataset"),
        evidence=evidence_of(*targets.EVIDENCE),
        experiments=experiments_of,
        made_from=sources_of,
    output:
        provenance="results/{model}/{dataset}/provenance.json",
    log:
        "logs/write_provenance/{model}/{dataset}.log",
    benchmark:
        "benchmarks/write_provenance/{model}/{dataset}.jsonl"
    conda:
        "../envs/base.yaml"
    resources:
        device=config["resources"]["device"],
    params:
        settings=settings(
            model=pattern("{model}"),
            dataset=pattern("{dataset}"),
            # everything that can change results
            config={key: value for key, value in config.items() if key != "resources"},
        ),
        contents=contents(sources_of, own_images_of),
        code=code_hash("lib.stages.report.write_provenance"),
    script:
        "../workflow_scripts/report/write_provenance.py"
