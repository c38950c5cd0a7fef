//! Which parts of the world a way depends on, so that a change looks again only at the ways that it can have opened or closed.

use std::ops::{BitOr, BitOrAssign};

/// A set of parts of the world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parts(u16);

impl Parts {
    /// Nothing.
    pub(crate) const NONE: Self = Self(0);
    /// Which roles there are and what they give.
    pub(crate) const ROLES: Self = Self(1);
    /// Which bindings there are.
    pub(crate) const BINDINGS: Self = Self(1 << 1);
    /// Which service accounts there are, and what they say of their tokens.
    pub(crate) const ACCOUNTS: Self = Self(1 << 2);
    /// Which namespaces there are, and which pods they refuse.
    pub(crate) const NAMESPACES: Self = Self(1 << 3);
    /// Which tokens lie in Secrets.
    pub(crate) const TOKENS: Self = Self(1 << 4);
    /// The map of cloud users of EKS.
    pub(crate) const AWS: Self = Self(1 << 5);
    /// Whether anything runs as a service account, and with its token.
    pub(crate) const RUNNING: Self = Self(1 << 6);
    /// Pods, by their names.
    pub(crate) const PODS: Self = Self(1 << 7);
    /// Which namespace stands for all.
    pub(crate) const TELLING: Self = Self(1 << 8);
    /// Which nodes are of the control plane.
    pub(crate) const CONTROL_PLANE: Self = Self(1 << 9);
    /// Which groups lead anywhere whose members are so by what they are.
    pub(crate) const GROUPS: Self = Self(1 << 10);
    /// Anything.
    pub(crate) const ALL: Self = Self(u16::MAX);

    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether some of the others are among these.
    pub(crate) const fn touches(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

impl BitOr for Parts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Parts {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
