from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.measure_chance import measure_chance

    measure_chance(**arguments)
