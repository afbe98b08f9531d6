from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.list_sources import list_sources

    list_sources(**arguments)
