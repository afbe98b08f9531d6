from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.captions.describe_units import describe_units

    describe_units(**arguments, threads=snakemake.threads)
