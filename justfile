# What is done often. `just` alone lists it.
_default:
    @just --list

# Every test, against a real PostgreSQL and a real SMTP server
test *args:
    scripts/test {{ args }}

# A longer search for rules that Rhai, columns and databases judge differently
differ cases="1000000":
    LOOKOUT_DIFFER_CASES={{ cases }} scripts/test differ

# Kill the program at every point so many times and at so many random moments, on both databases
kill kills="25" moments="300" blows="25":
    LOOKOUT_KILLS={{ kills }} LOOKOUT_RANDOM_KILLS={{ moments }} LOOKOUT_SERVER_KILLS={{ blows }} scripts/kill matrix random

# Four workers on one PostgreSQL: one killed every second, one stopped past its lease
workers outreaches="10000":
    LOOKOUT_OUTREACHES={{ outreaches }} scripts/kill workers

# Unsubscribes at random moments against busy workers
unsubscribes people="2000":
    LOOKOUT_UNSUBSCRIBES={{ people }} scripts/kill unsubscribes

# A rule that is suddenly true for everybody of so many customers: none of its messages goes out
blast customers="100000":
    LOOKOUT_BLAST_BASE={{ customers }} scripts/test -E 'test(/^blast::stampede::/)'

# What the compiler and its lints have to say
lint:
    cargo fmt --check
    cargo clippy --locked --all-targets --features faults -- -D warnings

# Lay the code out
fmt:
    cargo fmt

# The demo's mail as pictures, and what SpamAssassin thinks of it
look:
    scripts/look

# Licences, sources and bans of what we depend on
deny:
    cargo deny check licenses bans sources

# The whole story on Northwind, in a fresh folder
demo:
    cargo run --release -- demo

# What Lookout promises about speed and memory, beside its rivals; `just bench evaluate` is a part
bench *args:
    cargo run --locked --release --package lookout-benches -- {{ args }}
