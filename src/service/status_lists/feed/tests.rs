//! Events, resumption and the limits of streams.

use super::*;
use crate::clock::Timestamp;
use crate::id::StatusRef;
use crate::service::status_lists::published::{SignedList, document};
use crate::store::{Revocations, with_lists};
use crate::token::{Status, status_uri};

const SOMEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const HERE: &str = "https://gate.example.org";
const BEFORE: &str = "https://old.example.org";

fn list(second: i64) -> ListId {
    ListId::generate(Timestamp::from_secs(second))
}

fn issuer_lists(issuer: &str, lists: &[ListId]) -> IssuerLists {
    let signed = |list: &ListId| {
        let signed_at = Timestamp::from_secs(0);
        let signed =
            SignedList { uri: status_uri(issuer, *list), document: document("text/plain", ""), signed_at };
        (*list, Arc::new(signed))
    };
    IssuerLists { lists: lists.iter().map(signed).collect(), ..IssuerLists::empty(issuer.into()) }
}

/// A feed over a log of changes, with these lists published under two URLs.
struct Stage {
    feed: Arc<Feed>,
    revocations: Revocations,
    published: ArcSwap<Published>,
}

impl Stage {
    fn new(lists: &[ListId], total: usize) -> Self {
        let places = vec![issuer_lists(HERE, lists), issuer_lists(BEFORE, lists)];
        let published = ArcSwap::from_pointee(Published { places, ..Published::default() });
        let feed = Feed::new(StreamLimits { total, per_address: total });
        Self { feed, revocations: with_lists(lists), published }
    }

    fn open(&self, issuer: &str, list: Option<ListId>, last: Option<&str>) -> Subscription {
        self.try_open(SOMEWHERE, issuer, list, last).unwrap()
    }

    fn try_open(
        &self,
        from: IpAddr,
        issuer: &str,
        list: Option<ListId>,
        last: Option<&str>,
    ) -> Result<Subscription, TooManyStreams> {
        let following = Following { issuer: issuer.into(), list };
        self.feed.subscribe(from, following, last, self.revocations.log(), &self.published)
    }

    /// Revokes these tokens and announces it.
    fn revoke(&self, list: ListId, indexes: std::ops::Range<u32>) {
        let (log, from) = (self.revocations.log(), self.feed.state.lock().announced);
        indexes.for_each(|index| self.revocations.revoke(StatusRef { list, index }));
        self.feed.announce(log.between(from, log.end()).as_deref(), log.end(), &self.published.load());
    }

    async fn first(&self, last: &str) -> String {
        next(&mut self.open(HERE, None, Some(last))).await.unwrap()
    }
}

/// The next events.
async fn next(subscription: &mut Subscription) -> Option<String> {
    Some(String::from_utf8(subscription.next().await?.to_vec()).unwrap())
}

#[tokio::test]
async fn a_subscriber_receives_only_its_own_lists() {
    let (one, other) = (list(1), list(2));
    let stage = Stage::new(&[one, other], 9);
    let mut all = stage.open(HERE, None, None);
    let mut former = stage.open(BEFORE, Some(one), None);
    let mut elsewhere = stage.open(HERE, Some(other), None);
    let run = &stage.feed.run;
    let hello = format!("event: hello\nid: {run}-0\ndata: {{\"version\":0}}\n\n");
    for subscription in [&mut all, &mut former, &mut elsewhere] {
        assert_eq!(next(subscription).await.unwrap(), hello);
    }
    stage.revoke(one, 5..6);
    let event = |issuer, list, n, index| {
        let uri = status_uri(issuer, list);
        let changes = format!("[{{\"idx\":{index},\"status\":1}}]");
        format!(
            "event: change\nid: {run}-{n}\ndata: {{\"list\":\"{uri}\",\"version\":{n},\"changes\":{changes}}}\n\n"
        )
    };
    assert_eq!(next(&mut all).await.unwrap(), event(HERE, one, 1, 5));
    assert_eq!(next(&mut former).await.unwrap(), event(BEFORE, one, 1, 5));
    stage.revoke(other, 7..8);
    assert_eq!(next(&mut elsewhere).await.unwrap(), event(HERE, other, 2, 7));
}

#[tokio::test]
async fn a_resumed_stream_begins_with_the_missed_changes() {
    let list = list(1);
    let stage = Stage::new(&[list], 99);
    (0..3).for_each(|index| stage.revoke(list, index..index + 1));
    let run = &stage.feed.run;
    let missed = stage.first(&format!("{run}-1")).await;
    assert!(missed.contains("[{\"idx\":1,\"status\":1},{\"idx\":2,\"status\":1}]"), "{missed}");
    assert!(missed.contains(&format!("id: {run}-3\n")), "{missed}");
    assert_eq!(stage.first(&format!("{run}-3")).await, ": heartbeat\n\n");
}

#[tokio::test]
async fn an_unknown_event_id_gets_reset() {
    let list = list(1);
    let stage = Stage::new(&[list], 99);
    stage.revoke(list, 0..3);
    let run = &stage.feed.run;
    let reset = format!("event: reset\nid: {run}-3\ndata: {{\"version\":3}}\n\n");
    let other = "f".repeat(16);
    for last in
        ["", "x", run, &format!("{run}-"), &format!("{run}-4"), &format!("{run}-01"), &format!("{other}-1")]
    {
        assert_eq!(stage.first(last).await, reset, "{last}");
    }
    stage.revoke(list, 10..200);
    let reset = stage.first(&format!("{run}-3")).await;
    assert!(reset.starts_with("event: reset"), "too much was missed: {reset}");
}

#[tokio::test]
async fn unknown_changes_are_a_reset_for_all() {
    let list = list(1);
    let stage = Stage::new(&[list], 9);
    let mut streams = [stage.open(HERE, None, None), stage.open(BEFORE, Some(list), None)];
    stage.feed.announce(None, 1, &stage.published.load());
    let reset = format!("event: reset\nid: {}-1\ndata: {{\"version\":1}}\n\n", stage.feed.run);
    for stream in &mut streams {
        next(stream).await.unwrap();
        assert_eq!(next(stream).await.unwrap(), reset);
    }
}

#[tokio::test]
async fn the_last_event_of_a_round_has_its_id() {
    let (one, other) = (list(1), list(2));
    let stage = Stage::new(&[one, other], 9);
    let mut all = stage.open(HERE, None, None);
    next(&mut all).await.unwrap();
    (0..1025).for_each(|index| stage.revocations.revoke(StatusRef { list: one, index }));
    stage.revoke(other, 0..1);
    let events = next(&mut all).await.unwrap();
    let events = events.split_terminator("\n\n").collect::<Vec<_>>();
    let sizes = events.iter().map(|event| event.matches("idx").count()).collect::<Vec<_>>();
    assert_eq!(sizes, [512, 512, 1, 1]);
    let id = |n: u64| format!("id: {}-{n}\n", stage.feed.run);
    let ids = [0, 0, 0, 1026].map(id);
    assert!(events.iter().zip(&ids).all(|(event, id)| event.contains(id)), "{events:?}");
}

#[tokio::test]
async fn the_newest_status_of_a_token_is_sent() {
    let list = list(1);
    let token = StatusRef { list, index: 7 };
    let changes = [Status::Suspended, Status::Revoked].map(|status| StatusChange { token, status });
    let id = EventId { run: "0123456789abcdef", n: 2 };
    let events = event::changes(&changes, &issuer_lists(HERE, &[list]), id, id);
    assert!(
        matches!(&events[..], [(_, event)] if event.contains("[{\"idx\":7,\"status\":1}]")),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_slow_subscriber_is_dropped_alone() {
    let list = list(1);
    let stage = Stage::new(&[list], 9);
    let (mut slow, mut quick) = (stage.open(HERE, None, None), stage.open(HERE, None, None));
    next(&mut slow).await.unwrap();
    next(&mut quick).await.unwrap();
    for index in 0..=u32::try_from(MAX_LAG).unwrap() {
        stage.revoke(list, index..index + 1);
        assert!(next(&mut quick).await.unwrap().contains("change"));
    }
    assert_eq!(next(&mut slow).await, None);
    drop(slow);
    assert_eq!(stage.feed.subscribers(), 1);
}

#[tokio::test]
async fn one_address_cannot_keep_the_others_out() {
    let feed = Feed::new(StreamLimits { total: 9, per_address: 2 });
    let stage = Stage { feed, ..Stage::new(&[], 0) };
    let open = |from: [u8; 4]| stage.try_open(from.into(), HERE, None, None);
    let _kept = [open([192, 0, 2, 1]).ok().unwrap(), open([192, 0, 2, 1]).ok().unwrap()];
    assert_eq!(open([192, 0, 2, 1]).err(), Some(TooManyStreams { limit: 2 }));
    assert!(open([192, 0, 2, 2]).is_ok());
}

#[tokio::test]
async fn a_closed_stream_makes_room_for_another() {
    let stage = Stage::new(&[], 2);
    let open = || stage.try_open(SOMEWHERE, HERE, None, None);
    let (first, _second) = (open().ok().unwrap(), open().ok().unwrap());
    assert_eq!(open().err(), Some(TooManyStreams { limit: 2 }));
    drop(first);
    assert!(open().is_ok());
    drop(_second);
    assert!(stage.feed.state.lock().per_address.is_empty());
}

#[tokio::test]
async fn fifteen_beats_are_one_heartbeat_for_every_stream() {
    let stage = Stage::new(&[], 99);
    let mut streams = (0..20).map(|_| stage.open(HERE, None, None)).collect::<Vec<_>>();
    (0..BEATS).for_each(|_| stage.feed.beat());
    for stream in &mut streams {
        assert!(next(stream).await.unwrap().contains("hello"));
        assert_eq!(next(stream).await.unwrap(), ": heartbeat\n\n");
        assert!(stream.announcements.is_empty());
    }
}

#[tokio::test]
async fn streams_of_unpublished_lists_end() {
    let (one, other) = (list(1), list(2));
    let stage = Stage::new(&[one, other], 9);
    let mut ended = [stage.open(HERE, Some(one), None), stage.open(BEFORE, None, None)];
    let places = vec![issuer_lists(HERE, &[other])];
    stage.feed.announce(Some(&[]), 0, &Published { places, ..Published::default() });
    for stream in &mut ended {
        next(stream).await.unwrap();
        assert_eq!(next(stream).await, None);
    }
}
