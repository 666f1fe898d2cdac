//! Bulk mints: many tokens of one order, a thousand in a transaction. The next thousand is signed while the last one is
//! committed and sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::mint::{Minting, recorded};
use super::order::MintOrder;
use crate::access::Act;
use crate::clock::Timestamp;
use crate::id::{BatchId, BodyHash, IdempotencyKey, ShortId, TokenId, random};
use crate::service::base::ATTEMPTS;
use crate::service::{Caller, RequestError, ServiceError, TokenError};
use crate::store::{BatchOutcome, IdempotencyRecord, RecordBatch, RecordMint, StoreError};
use crate::token::{MintedToken, TokenRef, mint_all};

/// Maximum number of tokens in one bulk mint.
pub const MOST_TOKENS: u32 = 10_000;

/// Number of tokens in one transaction.
const PIECE: u32 = 1000;
/// Number of pieces that are signed at a time: with one, the writer would wait for its signatures.
const AHEAD: usize = 2;

/// Age from which a signed piece that waited for a slow reader is signed again.
const FRESH: Duration = Duration::from_secs(60);

/// Maximum number of bulk mints at a time.
const MOST_BULKS: usize = 2;

/// The callers whose bulk mints run.
#[derive(Clone, Default)]
pub(in crate::service) struct BulkTurns(Arc<Mutex<Vec<String>>>);

/// A running bulk mint. Dropping it lets the caller begin another.
struct Turn {
    turns: BulkTurns,
    caller: String,
}

impl BulkTurns {
    fn take(&self, caller: String) -> Result<Turn, TokenError> {
        let mut running = self.0.lock();
        if running.contains(&caller) {
            return Err(TokenError::BulkRuns);
        }
        if running.len() >= MOST_BULKS {
            return Err(TokenError::TooManyBulks { most: MOST_BULKS });
        }
        running.push(caller.clone());
        drop(running);
        Ok(Turn { turns: self.clone(), caller })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.0.lock().retain(|caller| *caller != self.caller);
    }
}

/// The key of a request that may be sent again, with its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Digest of the header.
    pub key: IdempotencyKey,
    /// The body of the request.
    pub body: BodyHash,
}

impl Idempotency {
    /// The record of the key, with the batch of its tokens.
    pub(super) fn record(self, caller: &Caller, batch: BatchId, now: Timestamp) -> IdempotencyRecord {
        let Self { key, body } = self;
        IdempotencyRecord { caller: caller.actor.to_string(), key, body, batch, created_at: now }
    }
}

/// The tokens of a batch that was minted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierBatch {
    /// Id of the batch.
    pub id: BatchId,
    /// Ids of its tokens that are still stored, oldest first.
    pub tokens: Vec<TokenId>,
}

/// Signed tokens and their records. A token must not leave before its record is stored.
struct SignedPiece {
    tokens: Vec<MintedToken>,
    mints: Vec<RecordMint>,
    at: Timestamp,
}

impl SignedPiece {
    /// The command that records them at `now`. Their reader may have let them wait since they were signed.
    fn recording(
        mut self,
        now: Timestamp,
        once: Option<IdempotencyRecord>,
    ) -> (Vec<MintedToken>, RecordBatch) {
        for RecordMint { record, entry, .. } in &mut self.mints {
            (record.created_at, entry.origin.at) = (now, now);
        }
        (self.tokens, RecordBatch { mints: self.mints, once })
    }
}

/// A batch of tokens that is being minted, piece by piece.
pub struct BatchMint {
    minting: Arc<Minting>,
    caller: Caller,
    order: MintOrder,
    count: u32,
    id: BatchId,
    /// Number of recorded tokens.
    minted: u32,
    /// The key of the request, until the first piece is recorded with it.
    once: Option<IdempotencyRecord>,
    /// The next pieces in order, which are being signed.
    ahead: VecDeque<JoinHandle<Result<SignedPiece, ServiceError>>>,
    _turn: Option<Turn>,
}

impl Minting {
    /// Begins a bulk mint of `count` tokens.
    ///
    /// # Errors
    /// The tokens go beyond the caller's limits, a bulk mint of the caller still runs, or as many run as may.
    pub fn bulk(
        self: &Arc<Self>,
        caller: &Caller,
        order: MintOrder,
        count: u32,
        once: Option<Idempotency>,
    ) -> Result<BatchMint, ServiceError> {
        let turn = self.bulks.take(caller.actor.to_string())?;
        let batch = self.batch(caller, order, count, once)?;
        Ok(BatchMint { _turn: Some(turn), ..batch })
    }

    /// Mints one token with an idempotency key: a batch of one.
    ///
    /// # Errors
    /// As [`Self::mint`]; also if the key was used in the meantime.
    pub async fn mint_once(
        self: &Arc<Self>,
        caller: &Caller,
        order: MintOrder,
        once: Idempotency,
    ) -> Result<(MintedToken, BatchId), ServiceError> {
        let mut batch = self.batch(caller, order, 1, Some(once))?;
        let minted = batch.next().await?.and_then(|mut tokens| tokens.pop());
        Ok((minted.ok_or(StoreError::Contended)?, batch.id))
    }

    /// Returns the batch that the caller minted with this key within a day.
    ///
    /// # Errors
    /// The key was sent with another body, or the store cannot be read.
    pub async fn earlier_batch(
        &self,
        caller: &Caller,
        once: Idempotency,
    ) -> Result<Option<EarlierBatch>, ServiceError> {
        let (store, now) = (&self.base.store, self.base.time.now());
        match store.idempotency_record(caller.actor.to_string(), once.key, now).await? {
            Some(record) if record.body != once.body => Err(RequestError::IdempotencyConflict.into()),
            Some(record) => {
                let tokens = store.tokens_of_batch(record.batch).await?;
                Ok(Some(EarlierBatch { id: record.batch, tokens }))
            }
            None => Ok(None),
        }
    }

    fn batch(
        self: &Arc<Self>,
        caller: &Caller,
        order: MintOrder,
        count: u32,
        once: Option<Idempotency>,
    ) -> Result<BatchMint, ServiceError> {
        let now = self.base.time.trusted()?;
        caller.may(Act::MintMany { each: &order.act(now), count })?;
        let id = BatchId::generate(now);
        let once = once.map(|once| once.record(caller, id, now));
        let (minting, caller) = (Arc::clone(self), caller.clone());
        Ok(BatchMint {
            minting,
            caller,
            order,
            count,
            id,
            minted: 0,
            once,
            ahead: VecDeque::new(),
            _turn: None,
        })
    }

    /// Signs the next `count` tokens of a batch.
    async fn sign_piece(
        self: Arc<Self>,
        caller: Caller,
        order: MintOrder,
        count: u32,
        batch: BatchId,
    ) -> Result<SignedPiece, ServiceError> {
        let now = self.base.time.trusted()?;
        caller.may(Act::MintMany { each: &order.act(now), count })?;
        let (mut grants, first) = (Vec::new(), u32::from_be_bytes(random()));
        for place in 0..count {
            let token = self.next_token(order.list_kind(), now).await?;
            let id = TokenId::with_short(now, ShortId::from_bytes(first.wrapping_add(place).to_be_bytes()));
            grants.push(self.grant(&order, TokenRef { id, ..token }, now));
        }
        // The store writes rows in the order of their ids faster.
        grants.sort_unstable_by_key(|grant| grant.token.id);
        let signing = tokio::task::spawn_blocking(move || {
            let tokens = mint_all(&grants, &self.trust.ring(), now)?;
            let record = |token: &MintedToken| recorded(&caller, &order, token, Some(batch), now);
            let mints = tokens.iter().map(record).collect();
            Ok(SignedPiece { tokens, mints, at: now })
        });
        signing.await.map_err(|_| StoreError::Closed)?
    }
}

impl BatchMint {
    /// Id of the batch.
    pub const fn id(&self) -> BatchId {
        self.id
    }

    /// Number of tokens minted so far.
    pub const fn minted(&self) -> u32 {
        self.minted
    }

    /// Mints the next tokens, at most a thousand. Their records are durable before they are returned; `None` after the last one.
    ///
    /// # Errors
    /// As [`Minting::mint`]. The tokens before stay minted.
    pub async fn next(&mut self) -> Result<Option<Vec<MintedToken>>, ServiceError> {
        for _ in 0..ATTEMPTS {
            if self.minted >= self.count {
                return Ok(None);
            }
            let waited = !self.ahead.is_empty();
            self.sign_ahead();
            let Some(piece) = self.ahead.pop_front() else { break };
            let signed = piece.await.map_err(|_| StoreError::Closed)??;
            let now = self.minting.base.time.trusted()?;
            // Its root and issuer may be former ones, and its end near.
            if waited && now.since(signed.at) > FRESH {
                self.ahead.clear();
                continue;
            }
            let minted = self.minted + signed.tokens.len() as u32;
            let (tokens, command) = signed.recording(now, self.once.clone());
            match self.minting.base.store.record_batch(command).await? {
                BatchOutcome::Recorded => {
                    (self.minted, self.once) = (minted, None);
                    return Ok(Some(tokens));
                }
                BatchOutcome::KeyGone => {
                    self.ahead.clear();
                    // The ring has changed too, once the change of keys has finished.
                    drop(self.minting.trust.change().await);
                }
                // A repeat finds the batch.
                BatchOutcome::Before(_) => break,
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Signs the next pieces, each in a task of its own.
    fn sign_ahead(&mut self) {
        while self.ahead.len() < AHEAD {
            let asked = self.minted + self.ahead.len() as u32 * PIECE;
            if asked >= self.count {
                break;
            }
            let (minting, caller) = (Arc::clone(&self.minting), self.caller.clone());
            let count = (self.count - asked).min(PIECE);
            self.ahead.push_back(tokio::spawn(minting.sign_piece(
                caller,
                self.order.clone(),
                count,
                self.id,
            )));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_runs_one_bulk_mint_at_a_time() {
        let turns = BulkTurns::default();
        let take = |caller: &str| turns.take(caller.to_owned());
        let (anna, _ben) = (take("user:anna").unwrap(), take("user:ben").unwrap());
        assert_eq!(take("user:anna").err(), Some(TokenError::BulkRuns));
        assert_eq!(take("user:carl").err(), Some(TokenError::TooManyBulks { most: 2 }));
        drop(anna);
        assert!(take("user:anna").is_ok());
        assert!(take("user:carl").is_ok());
    }
}
