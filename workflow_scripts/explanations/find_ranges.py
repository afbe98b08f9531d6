from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.explanations.find_ranges import find_ranges

    find_ranges(**arguments, threads=snakemake.threads)
