from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.downloads.fetch_folder import fetch_folder

    fetch_folder(**arguments)
