from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.measure_stability import measure_stability

    measure_stability(**arguments, threads=snakemake.threads)
