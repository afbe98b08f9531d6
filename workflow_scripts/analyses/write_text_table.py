from lib.runtime.job import stage

with stage(snakemake) as arguments:
    from lib.reporting.text_tables import write_text_table

    write_text_table(**arguments)
