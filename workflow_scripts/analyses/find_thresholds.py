from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.find_thresholds import find_thresholds

    find_thresholds(**arguments, threads=snakemake.threads)
