from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.find_ranges import find_ranges

    find_ranges(**arguments, threads=snakemake.threads)
