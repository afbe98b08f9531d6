from lib.runtime import stage

with stage(snakemake) as arguments:
    from lib.stages.write_provenance import write_provenance

    write_provenance(**arguments)
