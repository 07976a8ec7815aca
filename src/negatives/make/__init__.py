"""make: generators, which write queries from documents or documents for queries."""
