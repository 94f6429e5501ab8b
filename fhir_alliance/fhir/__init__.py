"""The FHIR edge: authentication, HTTP, capability, search, wire → model and model → wire."""
