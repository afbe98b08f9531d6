from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.downloads.fetch_file import fetch_file

    fetch_file(**arguments)
