//! Tests of the derived tables over histories told as sentences.
