from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.tally_units import tally_units

    tally_units(**arguments, threads=snakemake.threads)
