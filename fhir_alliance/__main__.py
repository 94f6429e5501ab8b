"""`python -m fhir_alliance` is `fhir-alliance`."""

from .cli import main

if __name__ == "__main__":
    main()
