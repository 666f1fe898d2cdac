//! Everything that goes with a deleted user or API key, for the question before it.

use crate::access::{Actor, Permission};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::id::ApiKeyId;
use crate::service::together::{TokensOrder, Which};
use crate::store::{ApiKeyRecord, EndedTokens, PageQuery, TokenFilter, TokenState, TokenType};

/// Keys that are read together.
const AT_ONCE: u32 = 1000;

/// Every key that the user may see.
pub(in crate::dashboard::admin) async fn keys(call: &Call) -> Result<Vec<ApiKeyRecord>, Problem> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let query = PageQuery::new(after, AT_ONCE);
        let page = call.authority.accounts.list_api_keys(&call.caller, query).await?;
        keys.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(keys);
        }
    }
}

/// The keys that were created with the key `id`, directly or by one of these.
pub(super) fn made_with(keys: &[ApiKeyRecord], id: ApiKeyId) -> Vec<Actor> {
    let creator = Actor::ApiKey(id).to_string();
    let made = keys.iter().filter(|key| key.creator == creator);
    made.flat_map(|made| [vec![Actor::ApiKey(made.id)], made_with(keys, made.id)].concat()).collect()
}

/// The number of live enrollment tokens that these minted. A user that may not list tokens sees none.
pub(in crate::dashboard::admin) async fn live_tokens(call: &Call, minters: &[Actor]) -> Result<u64, Problem> {
    if !call.may(Permission::ReadTokens) {
        return Ok(0);
    }
    let mut live = 0;
    for minter in minters {
        let filter = TokenFilter {
            minter: Some(minter.to_string()),
            states: Some(TokenState::LIVE.to_vec()),
            ..TokenFilter::every(TokenType::Enrollment, EndedTokens::All, call.authority.time.now())
        };
        let order = TokensOrder { which: Which::Matching(filter), hosts: false, expect: None };
        live += call.authority.tokens.count_tokens(&call.caller, &order).await?.count;
    }
    Ok(live)
}
