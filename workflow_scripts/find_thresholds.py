from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.find_thresholds import find_thresholds

    find_thresholds(**arguments, threads=snakemake.threads)
