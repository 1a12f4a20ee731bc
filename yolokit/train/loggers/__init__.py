"""Where a run can be logged beside its own record, one module each; ``--log NAME`` turns it on."""
