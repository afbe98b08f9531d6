from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.activations.measure_latents import measure_latents

    measure_latents(**arguments, threads=snakemake.threads)
