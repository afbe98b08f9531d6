from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.fetch_weights import fetch_weights

    fetch_weights(**arguments)
