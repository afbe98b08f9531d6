from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.catalog.pages import write_catalog

    write_catalog(**arguments)
