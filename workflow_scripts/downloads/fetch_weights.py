from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.downloads.fetch_weights import fetch_weights

    fetch_weights(**arguments)
