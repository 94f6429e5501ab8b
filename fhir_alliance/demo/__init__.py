"""An embedded FHIR server, a synthetic clinic, and the whole loop shown on it."""
