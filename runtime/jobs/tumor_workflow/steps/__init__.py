"""The steps of the workflow, each a module with a main()."""
