"""Tables: the Table Schema, parts of Parquet, hashes and samples of rows."""
