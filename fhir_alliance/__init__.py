"""Therapeutic-alliance scores and strain alerts beside an electronic health record, over FHIR R4."""

__version__ = "0.1.0"
