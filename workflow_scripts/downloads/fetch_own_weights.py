from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.downloads.fetch_own_weights import fetch_own_weights

    fetch_own_weights(**arguments)
