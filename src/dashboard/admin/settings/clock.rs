//! The clock of the server, and accepting it after a jump.

use super::SETTINGS;
use crate::dashboard::admin::act::{Act, TURN, counted};
use crate::dashboard::admin::signing;
use crate::dashboard::dialect::sentence;
use crate::dashboard::parts::{Mark, Tone};
use crate::dashboard::refusal::Refusal;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::service::together::{TokensOrder, Which};
use crate::service::{ClockDoubt, ClockStanding};
use crate::store::{EndedTokens, TokenFilter, TokenState, TokenType};
use crate::token::KeyUse;

/// The page that asks.
const CLOCK: &str = "/admin/clock";

/// The clock on the page of the settings.
pub(super) struct ClockFacts {
    pub(super) mark: Mark,
    /// Time of the server's clock.
    pub(super) wall: String,
    /// Latest moment of a trusted clock.
    pub(super) latest: String,
    pub(super) fault: Option<String>,
}

impl ClockFacts {
    pub(super) fn of(call: &Call) -> Self {
        let ClockStanding { wall, mark, doubt } = call.authority.time.standing();
        let state = match doubt {
            None => Mark(Tone::Good, "trusted"),
            Some(ClockDoubt::Behind { .. }) => Mark(Tone::Bad, "behind"),
            Some(ClockDoubt::Ahead { .. }) => Mark(Tone::Bad, "ahead"),
        };
        Self {
            mark: state,
            wall: wall.to_string(),
            latest: mark.to_string(),
            fault: doubt.map(|doubt| sentence(&doubt.to_string())),
        }
    }
}

/// Asks before the clock is accepted.
pub(in crate::dashboard::admin) async fn ask(call: Call) -> Result<Reply, Problem> {
    question(&call, None).await
}

/// Lets decisions follow the clock again.
pub(in crate::dashboard::admin) async fn accept(call: Call) -> Result<Reply, Problem> {
    match accepted(&call).await {
        Ok(()) => Ok(Reply::see_other(SETTINGS)),
        Err(problem) => question(&call, Some(Refusal::of(problem)?)).await,
    }
}

/// Accepts the clock. The form names the signing key in use, which the act replaces: sent again, it is refused.
async fn accepted(call: &Call) -> Result<(), Problem> {
    let form = Form::parse(&call.body)?;
    let _turn = TURN.lock().await;
    if form.get("key") != Some(signing_key(call).await?.as_str()) {
        return Err(Problem::of(Code::Stale, "another key is in use by now"));
    }
    call.authority.trust_admin.accept_clock(&call.caller).await?;
    Ok(())
}

async fn signing_key(call: &Call) -> Result<String, Problem> {
    signing::current(call, KeyUse::Enrollment.name()).await
}

async fn question(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let ClockFacts { wall, fault, .. } = ClockFacts::of(call);
    let filter = TokenFilter {
        states: Some(TokenState::LIVE.to_vec()),
        persistent: Some(false),
        ..TokenFilter::every(TokenType::Enrollment, EndedTokens::All, call.authority.time.now())
    };
    let order = TokensOrder { which: Which::Matching(filter), hosts: false, expect: None };
    let tokens = call.authority.tokens.count_tokens(&call.caller, &order).await?.count;
    let ends =
        format!("New signing keys start, and {} stop working.", counted(tokens, "live ephemeral token"));
    let act = Act {
        title: format!("Accept the time {wall}"),
        action: CLOCK.to_owned(),
        back: SETTINGS.to_owned(),
        section: SETTINGS,
        hidden: vec![("key".to_owned(), signing_key(call).await?)],
        sentences: vec![
            fault.unwrap_or_else(|| "The clock is trusted: there is nothing to accept.".to_owned()),
            ends,
        ],
        button: "Accept clock",
        ..Act::default()
    };
    act.page(call, refused).await
}
