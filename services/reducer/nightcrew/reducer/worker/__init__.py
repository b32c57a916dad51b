"""The service that takes jobs from the ledger, reduces them in a warm child process and commits what they make."""
