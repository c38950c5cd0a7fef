module plimsoll.invalid/cel-spec

go 1.26.0

require cel.dev/expr v0.25.3
