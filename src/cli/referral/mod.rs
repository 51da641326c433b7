//! Commands about referrals. What they print of one is the same for all of them.

pub(super) mod act;
mod begun;
pub(super) mod contact;
mod form;
pub(super) mod inbox;
pub(super) mod pass_on;
pub(super) mod platform;
pub(in crate::cli) mod refer;
mod text;
pub(super) mod timers;
mod wizard;

pub(super) use text::referral as text;
