from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.count_detectors import count_detectors

    count_detectors(**arguments)
