//go:build pins

// Package pins keeps the module in go.mod: its templates and tests are read by crates/rego.
package pins

import _ "github.com/open-policy-agent/gatekeeper/v3"
