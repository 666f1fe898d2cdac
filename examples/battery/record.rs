//! Every answer to a client, in order.

use std::collections::BTreeMap;

use gatepass::id::hex;

/// A redemption limit that several hosts race for.
pub(crate) const SHARED_USES: u32 = 5;

/// State of a token's revocation, as far as the clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// Nobody asked.
    None,
    /// The answer has not arrived: it may hold or not.
    Asked,
    /// It holds.
    Acknowledged,
}

/// A token whose mint was acknowledged.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) cluster: Option<&'static str>,
    pub(crate) max_uses: u32,
    pub(crate) revocation: Revocation,
    /// Moments of the answers to its mint and its revocation.
    pub(crate) moments: (u64, u64),
}

/// Identity of an enrolled host.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Enrolled {
    pub(crate) host: String,
    pub(crate) certificate: String,
}

/// The answer to a redemption.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// None arrived, or 503: it may have happened or not.
    Open,
    /// The host is enrolled.
    Enrolled(Enrolled),
    /// The token had no uses left.
    Exhausted,
}

/// A redemption that was sent.
#[derive(Clone)]
pub(crate) struct Redemption {
    pub(crate) token: usize,
    pub(crate) csr: String,
    pub(crate) outcome: Outcome,
    /// Moment of the answer.
    pub(crate) moment: u64,
}

/// Tokens and redemptions by their numbers.
#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(crate) tokens: Vec<Token>,
    pub(crate) redemptions: Vec<Redemption>,
    /// The cluster token in use at the moment.
    pub(crate) shared: Option<usize>,
    /// Everything before these numbers was reviewed after an earlier fault.
    pub(crate) reviewed: (usize, usize),
}

impl Record {
    /// Number of acts that the server acknowledged: mints, redemptions, revocations.
    pub(crate) fn acknowledged(&self) -> u64 {
        let revoked = self.tokens.iter().filter(|token| token.revocation == Revocation::Acknowledged);
        (self.tokens.len() + self.enrolled().count() + revoked.count()) as u64
    }

    /// Enrolled hosts with their tokens.
    pub(crate) fn enrolled(&self) -> impl Iterator<Item = (&Token, &Enrolled)> {
        self.redemptions.iter().filter_map(|one| match &one.outcome {
            Outcome::Enrolled(enrolled) => Some((&self.tokens[one.token], enrolled)),
            Outcome::Open | Outcome::Exhausted => None,
        })
    }

    /// Acknowledged uses of each token, by its id.
    pub(crate) fn uses(&self) -> BTreeMap<&str, u32> {
        let mut uses = BTreeMap::new();
        for (token, _) in self.enrolled() {
            *uses.entry(token.id.as_str()).or_default() += 1;
        }
        uses
    }

    /// True if redemption `number` cannot be refused: the token is not revoked, and has a use for each of its hosts.
    pub(crate) fn must_succeed(&self, number: usize) -> bool {
        let redemption = &self.redemptions[number];
        let token = &self.tokens[redemption.token];
        let rival = |other: &&Redemption| {
            other.token == redemption.token && !matches!(other.outcome, Outcome::Exhausted)
        };
        token.revocation == Revocation::None
            && self.redemptions.iter().filter(rival).count() <= token.max_uses as usize
    }

    /// The record as it was at a moment: later answers have not arrived.
    pub(crate) fn until(&self, moment: u64) -> Self {
        let (mut copy, mut numbers) = (Self { reviewed: self.reviewed, ..Self::default() }, BTreeMap::new());
        for (number, token) in self.tokens.iter().enumerate().filter(|(_, token)| token.moments.0 <= moment) {
            numbers.insert(number, copy.tokens.len());
            let mut token = token.clone();
            if token.revocation == Revocation::Acknowledged && token.moments.1 > moment {
                token.revocation = Revocation::Asked;
            }
            copy.tokens.push(token);
        }
        for redemption in &self.redemptions {
            let Some(token) = numbers.get(&redemption.token) else { continue };
            let mut redemption = Redemption { token: *token, ..redemption.clone() };
            if redemption.moment > moment {
                redemption.outcome = Outcome::Open;
            }
            copy.redemptions.push(redemption);
        }
        copy
    }

    /// The same record with every limit set below the acknowledged uses, which no honest store fits.
    pub(crate) fn doctored(&self) -> Self {
        let mut copy = self.clone();
        let uses = self.uses();
        for token in &mut copy.tokens {
            token.max_uses = uses.get(token.id.as_str()).map_or(token.max_uses, |used| used - 1);
        }
        copy
    }
}

/// An id of the API as the database's hexadecimal digits.
pub(crate) fn digits(id: &str) -> String {
    id.chars().filter(|letter| *letter != '-').collect()
}

/// A name that no other round has.
pub(crate) fn unique() -> String {
    hex(&gatepass::id::random::<8>())
}
