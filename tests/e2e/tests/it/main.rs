//! What a real control plane does: the facts that Plimsoll's design rests on.

mod start;
