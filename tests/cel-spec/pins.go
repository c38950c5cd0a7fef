//go:build pins

// Package pins keeps the module in go.mod: its test data are read by crates/expressions.
package pins

import _ "cel.dev/expr"
