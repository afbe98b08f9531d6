from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.describe_units import describe_units

    describe_units(**arguments, threads=snakemake.threads)
