//! An action's id. DDI wants a positive number of 31 bits that is unique per controller; this one *is* campaign and
//! attempt, so there is no table to fill with every offer, and any gateway reads what another wrote.
//!
//! From the top: 25 bits campaign, 5 bits attempt less one, one bit that says `skip`. What answers `skip` has an id of
//! its own, because SWUpdate reports a skipped update as a success, which must not pass for an installation.

use std::fmt;
use std::str::FromStr;

use otaru_domain::id::CampaignId;

const ATTEMPT_BITS: u32 = 5;
const CAMPAIGN_BITS: u32 = 25;

/// A campaign's attempt on a vehicle, as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ActionId {
    pub campaign: CampaignId,
    pub attempt: u32,
    /// Whether it was the answer to leave it for now.
    pub skip: bool,
}

impl ActionId {
    /// The action's number: `None` beyond 33 million campaigns or 32 attempts, which DDI cannot name.
    pub fn new(campaign: CampaignId, attempt: u32) -> Option<Self> {
        let fits = (1..1 << CAMPAIGN_BITS).contains(&campaign) && (1..=1 << ATTEMPT_BITS).contains(&attempt);
        fits.then_some(Self { campaign, attempt, skip: false })
    }

    pub fn skipped(self) -> Self {
        Self { skip: true, ..self }
    }

    fn number(self) -> i64 {
        (self.campaign << (ATTEMPT_BITS + 1)) | (i64::from(self.attempt - 1) << 1) | i64::from(self.skip)
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl FromStr for ActionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number: u32 = text.parse::<i32>().ok().and_then(|number| number.try_into().ok()).ok_or(())?;
        let attempt = ((number >> 1) & ((1 << ATTEMPT_BITS) - 1)) + 1;
        let id = Self::new(i64::from(number >> (ATTEMPT_BITS + 1)), attempt).ok_or(())?;
        let id = Self { skip: number & 1 == 1, ..id };
        // Not "+64" nor "064".
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    proptest::proptest! {
        #[test]
        fn an_id_is_read_back_as_it_was_written(campaign in 1..1_i64 << CAMPAIGN_BITS, attempt in 1..=1_u32 << ATTEMPT_BITS, skip in proptest::bool::ANY) {
            let id = ActionId { skip, ..ActionId::new(campaign, attempt).unwrap() };
            assert_eq!(id.to_string().parse(), Ok(id));
            assert!(id.number() > 0 && i32::try_from(id.number()).is_ok());
        }

        #[test]
        fn no_other_text_is_an_id(text in "[-+0-9a-z ]{0,14}") {
            if let Ok(id) = text.parse::<ActionId>() {
                assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn an_id_is_a_positive_int32_of_its_own_and_reads_back() {
        let mut seen = HashSet::new();
        for campaign in [1, 2, 3, 77, (1 << 25) - 1] {
            for attempt in 1..=32 {
                let id = ActionId::new(campaign, attempt).unwrap();
                for id in [id, id.skipped()] {
                    let text = id.to_string();
                    assert!(text.parse::<i32>().unwrap() > 0);
                    assert_eq!(text.parse::<ActionId>().unwrap(), id);
                    assert!(seen.insert(text));
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_has_no_id() {
        for (campaign, attempt) in [(0, 1), (-1, 1), (1 << 25, 1), (1, 0), (1, 33)] {
            assert_eq!(ActionId::new(campaign, attempt), None);
        }
        for text in ["", "0", "1", "63", "-64", "+64", "064", "64 ", "2147483648", "x", "9999999999999999999999"] {
            assert!(text.parse::<ActionId>().is_err(), "{text:?}");
        }
    }
}
