from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.simulate_units import simulate_units

    simulate_units(**arguments, threads=snakemake.threads)
