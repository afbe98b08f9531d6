rule write_catalog:
    input:
        descriptions="results/{model}/{dataset}/descriptions.csv",
        units="results/{model}/{dataset}/units.csv",
        exemplars="results/{model}/{dataset}/exemplars",
        explanations=catalog_tables("explanations"),
        ranges=catalog_tables("ranges"),
        histograms=catalog_tables("histograms"),
        metrics=catalog_tables("metrics"),
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
            concept_sets=concept_sets_of,
            model=pattern("{model}"),
            dataset=pattern("{dataset}"),
            opacity=config["catalog"]["opacity"],
            k_shown=config["catalog"]["k_shown"],
        ),
        code=code_hash("lib.reporting.catalog", "lib/reporting/templates"),
    script:
        "../workflow_scripts/write_catalog.py"


rule write_provenance:
    input:
        tables=tables_of,
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
            # all that can change results
            config={key: value for key, value in config.items() if key != "resources"},
        ),
        contents=contents(sources_of, own_images_of),
        code=code_hash("lib.stages.write_provenance"),
    script:
        "../workflow_scripts/write_provenance.py"
