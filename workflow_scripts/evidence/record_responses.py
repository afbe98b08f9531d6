from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.evidence.record_responses import record_responses

    record_responses(**arguments, threads=snakemake.threads)
