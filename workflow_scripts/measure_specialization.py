from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.measure_specialization import measure_specialization

    measure_specialization(**arguments)
