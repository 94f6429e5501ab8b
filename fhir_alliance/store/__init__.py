"""Local state: a cache of what the EHR said, and the ledger of what we wrote. Ids, hashes, numbers, times."""
