from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.check_metrics import check_metrics

    check_metrics(**arguments)
