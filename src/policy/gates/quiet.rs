//! Quiet hours don't refuse: they put off. Only what would then come too late is refused.

use super::{Bid, Table};
use crate::domain::Refusal;

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if table.leaves_at <= bid.expires_at {
        return Ok(());
    }
    Err(Refusal::Expired { expires: bid.expires_at, first_decent: table.leaves_at })
}
