"""Updates that shift traffic in steps and roll back by themselves."""
