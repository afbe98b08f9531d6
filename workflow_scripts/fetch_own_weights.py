from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.fetch_own_weights import fetch_own_weights

    fetch_own_weights(**arguments)
