//! audit_policy
