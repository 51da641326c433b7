//! Several roles as one value: whom a notice is for.

use super::Role;

/// Some roles, one at least, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Roles(u8);

/// What marks the number of a set of several roles: below it stand those of single ones.
const SEVERAL: u8 = 0x80;

impl Roles {
    /// Every role.
    pub const ALL: Self = Self(0b1111);

    /// One role.
    pub const fn one(role: Role) -> Self {
        Self(1 << (role as u8 - 1))
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether one of them is among those.
    pub const fn meet(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.meet(Self::one(*role)))
    }

    /// Its number in the store and in ids: of a single role that role's, so that what was written before there were sets reads as it did.
    pub fn number(self) -> u8 {
        let mut roles = self.iter();
        match (roles.next(), roles.next()) {
            (Some(only), None) => only as u8,
            _ => SEVERAL | self.0,
        }
    }

    /// The roles with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        let roles = match number & SEVERAL {
            0 => Self::one(Role::from_number(number)?),
            _ => Self(number & !SEVERAL & Self::ALL.0),
        };
        (roles.number() == number && roles.0 != 0).then_some(roles)
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self::one(role)
    }
}

impl std::fmt::Display for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.iter().map(Role::name).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_role_has_its_own_number_and_every_set_comes_back_from_its() {
        for role in Role::ALL {
            assert_eq!((Roles::one(role).number(), Roles::from_number(role as u8)), (role as u8, Some(role.into())));
        }
        let read: Vec<Roles> = (0..=u8::MAX).filter_map(Roles::from_number).collect();
        assert_eq!(read.len(), 15, "each set that is not empty, and once");
        assert!(read.iter().all(|roles| Roles::from_number(roles.number()) == Some(*roles)));
        assert_eq!(Roles::one(Role::Lead).and(Role::Handler.into()).number(), 0x83);
    }

    #[test]
    fn they_are_read_in_one_order_and_meet_where_they_share_a_role() {
        let leads = Roles::one(Role::Lead).and(Role::Handler.into());
        assert_eq!((leads.to_string(), Roles::ALL.to_string()), ("handler, lead".into(), "handler, lead, director, coordinator".into()));
        assert!(leads.meet(Role::Handler.into()) && leads.meet(Roles::ALL) && !leads.meet(Role::Director.into()));
    }
}
