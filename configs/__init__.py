"""Configuration files that travel with the package: one YAML per use, looked up here by its bare name."""
