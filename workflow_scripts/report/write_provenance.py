from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.stages.report.write_provenance import write_provenance

    write_provenance(**arguments)
