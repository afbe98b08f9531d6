from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.activations.record_activations import record_activations

    record_activations(**arguments, threads=snakemake.threads)
