from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.reporting.catalog import write_catalog

    write_catalog(**arguments)
