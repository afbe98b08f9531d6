from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.exemplars.tally_units import tally_units

    tally_units(**arguments, threads=snakemake.threads)
