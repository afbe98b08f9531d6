from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.fetch_file import fetch_file

    fetch_file(**arguments)
