from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.analyses.count_detectors import count_detectors

    count_detectors(**arguments)
