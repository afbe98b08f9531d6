from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.measure_specialization import measure_specialization

    measure_specialization(**arguments)
