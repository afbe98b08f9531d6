from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.downloads.list_sources import list_sources

    list_sources(**arguments)
