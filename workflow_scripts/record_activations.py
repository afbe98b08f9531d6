from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.record_activations import record_activations

    record_activations(**arguments, threads=snakemake.threads)
