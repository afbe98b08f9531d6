from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.fetch_folder import fetch_folder

    fetch_folder(**arguments)
