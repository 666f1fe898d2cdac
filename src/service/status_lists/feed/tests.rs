//! Who hears what, and who is dropped.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::clock::Timestamp;
use crate::id::StatusRef;
use crate::service::status_lists::published::{IssuerLists, SignedList, document};
use crate::store::{ListChange, Taken};
use crate::token::{Status, status_uri};

const SOMEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const HERE: &str = "https://gate.example.org";
const BEFORE: &str = "https://old.example.org";

const fn most(most: usize) -> Most {
    Most { in_all: most, per_address: most }
}

/// A subscriber that keeps what it was told, as far as it has room.
#[derive(Clone)]
struct Reader {
    heard: Arc<Mutex<Vec<Bytes>>>,
    room: usize,
    gone: Arc<AtomicBool>,
}

impl Reader {
    fn new(room: usize) -> Self {
        Self { heard: Arc::default(), room, gone: Arc::default() }
    }

    /// What it has heard since it was last asked.
    fn heard(&self) -> Vec<String> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        heard.into_iter().map(|part| String::from_utf8(part.to_vec()).unwrap()).collect()
    }
}

impl Subscriber for Reader {
    fn offer(&self, part: Bytes) -> Offered {
        let mut heard = self.heard.lock().unwrap();
        if self.is_gone() {
            return Offered::Gone;
        }
        if heard.len() >= self.room {
            return Offered::Full;
        }
        heard.push(part);
        Offered::Taken
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }
}

fn list(second: i64) -> ListId {
    ListId::generate(Timestamp::from_secs(second))
}

fn place(issuer: &str, lists: &[ListId]) -> IssuerLists {
    let signed = |list: &ListId| {
        let signed_at = Timestamp::from_secs(0);
        let signed =
            SignedList { uri: status_uri(issuer, *list), document: document("text/plain", ""), signed_at };
        (*list, Arc::new(signed))
    };
    IssuerLists { lists: lists.iter().map(signed).collect(), ..IssuerLists::empty(issuer.into()) }
}

fn published(lists: &[ListId]) -> Published {
    Published { places: vec![place(HERE, lists), place(BEFORE, lists)], ..Published::default() }
}

fn revoked(list: ListId, indexes: std::ops::Range<u32>) -> News {
    let mut news = News::default();
    let change = |index| ListChange::Status(StatusRef { list, index }, Status::Revoked);
    news.add(Taken { changes: indexes.map(change).collect(), overflowed: false });
    news
}

fn follow(feed: &Feed, issuer: &str, list: Option<ListId>, last: Option<&str>) -> Reader {
    let reader = Reader::new(64);
    let following = Following { issuer: issuer.into(), list };
    feed.subscribe(SOMEWHERE, following, last, Box::new(reader.clone())).unwrap();
    reader
}

#[test]
fn everybody_hears_of_what_he_follows_in_the_words_of_his_url() {
    let (one, other) = (list(1), list(2));
    let (feed, published) = (Feed::new(most(9)), published(&[one, other]));
    let all = follow(&feed, HERE, None, None);
    let former = follow(&feed, BEFORE, Some(one), None);
    let elsewhere = follow(&feed, HERE, Some(other), None);
    let run = &feed.run;
    assert_eq!(all.heard(), [format!("event: hello\nid: {run}-0\ndata: {{\"version\":0}}\n\n")]);
    drop(former.heard());
    drop(elsewhere.heard());
    feed.tell(&revoked(one, 5..6), &published);
    let event = |issuer| {
        let changes = "[{\"idx\":5,\"status\":1}]";
        let uri = status_uri(issuer, one);
        format!(
            "event: change\nid: {run}-1\ndata: {{\"list\":\"{uri}\",\"version\":1,\"changes\":{changes}}}\n\n"
        )
    };
    assert_eq!(all.heard(), [event(HERE)]);
    assert_eq!(former.heard(), [event(BEFORE)]);
    assert_eq!(elsewhere.heard(), [""; 0]);
}

#[test]
fn who_comes_back_hears_what_he_missed_and_a_stranger_to_this_run_starts_anew() {
    let list = list(1);
    let (feed, published) = (Feed::new(most(99)), published(&[list]));
    (0..3).for_each(|index| feed.tell(&revoked(list, index..index + 1), &published));
    let run = feed.run.clone();
    let missed = |last: &str| follow(&feed, HERE, None, Some(last)).heard().concat();
    let told = missed(&format!("{run}-1"));
    assert!(
        told.contains("\"idx\":1") && told.contains("\"idx\":2") && !told.contains("\"idx\":0"),
        "{told}"
    );
    assert_eq!(missed(&format!("{run}-3")), ": heartbeat\n\n");
    let reset = format!("event: reset\nid: {run}-3\ndata: {{\"version\":3}}\n\n");
    let other = "f".repeat(16);
    for last in
        ["", "x", &run, &format!("{run}-"), &format!("{run}-4"), &format!("{run}-01"), &format!("{other}-1")]
    {
        assert_eq!(missed(last), reset, "{last}");
    }
}

#[test]
fn what_is_too_much_to_tell_is_a_reset_for_all() {
    let list = list(1);
    let (feed, published) = (Feed::new(most(9)), published(&[list]));
    let (all, one) = (follow(&feed, HERE, None, None), follow(&feed, BEFORE, Some(list), None));
    let mut lost = News::default();
    lost.add(Taken { changes: Vec::new(), overflowed: true });
    feed.tell(&lost, &published);
    let expected = format!("event: reset\nid: {}-1\ndata: {{\"version\":1}}\n\n", feed.run);
    for reader in [all, one] {
        assert_eq!(reader.heard()[1..], [expected.as_str()]);
    }
}

#[test]
fn many_changes_are_several_events() {
    let list = list(1);
    let (feed, published) = (Feed::new(most(9)), published(&[list]));
    let all = follow(&feed, HERE, None, None);
    feed.tell(&revoked(list, 0..1025), &published);
    let sizes = all.heard()[1..].iter().map(|event| event.matches("idx").count()).collect::<Vec<_>>();
    assert_eq!(sizes, [512, 512, 1]);
}

#[test]
fn a_slow_reader_is_dropped_and_others_go_on() {
    let list = list(1);
    let (feed, published) = (Feed::new(most(9)), published(&[list]));
    let slow = Reader::new(2);
    let following = Following { issuer: HERE.into(), list: None };
    feed.subscribe(SOMEWHERE, following, None, Box::new(slow.clone())).unwrap();
    let quick = follow(&feed, HERE, None, None);
    (0..3).for_each(|index| feed.tell(&revoked(list, index..index + 1), &published));
    assert_eq!((feed.subscribers(), slow.heard().len(), quick.heard().len()), (1, 2, 4));
}

#[test]
fn one_address_cannot_keep_the_others_out() {
    let feed = Feed::new(Most { in_all: 9, per_address: 2 });
    let ask = |from: [u8; 4]| {
        let following = Following { issuer: HERE.into(), list: None };
        feed.subscribe(from.into(), following, None, Box::new(Reader::new(1)))
    };
    assert_eq!((ask([192, 0, 2, 1]), ask([192, 0, 2, 1])), (Ok(()), Ok(())));
    assert_eq!((ask([192, 0, 2, 1]), ask([192, 0, 2, 2])), (Err(Full { most: 2 }), Ok(())));
}

#[test]
fn one_too_many_is_refused_until_somebody_has_gone() {
    let feed = Feed::new(most(2));
    let (first, _second) = (follow(&feed, HERE, None, None), follow(&feed, HERE, None, None));
    let ask = || {
        let following = Following { issuer: HERE.into(), list: None };
        feed.subscribe(SOMEWHERE, following, None, Box::new(Reader::new(1)))
    };
    assert_eq!(ask(), Err(Full { most: 2 }));
    first.gone.store(true, Ordering::SeqCst);
    // A full house is not walked through at each try.
    assert_eq!(ask(), Err(Full { most: 2 }));
    feed.state().swept = None;
    assert_eq!(ask(), Ok(()));
}

#[test]
fn everybody_has_a_heartbeat_in_fifteen_beats_and_not_all_at_once() {
    let feed = Feed::new(most(99));
    let readers = (0..30).map(|_| follow(&feed, HERE, None, None)).collect::<Vec<_>>();
    readers.iter().for_each(|reader| drop(reader.heard()));
    feed.beat();
    let heard = |reader: &&Reader| reader.heard() == [": heartbeat\n\n"];
    assert_eq!(readers.iter().filter(heard).count(), 2);
    (1..BEATS).for_each(|_| feed.beat());
    assert_eq!(readers.iter().filter(heard).count(), 28);
    readers[7].gone.store(true, Ordering::SeqCst);
    (0..BEATS).for_each(|_| feed.beat());
    assert_eq!(feed.subscribers(), 29);
}

#[test]
fn the_streams_of_a_dropped_list_and_of_a_retired_url_end() {
    let (one, other) = (list(1), list(2));
    let feed = Feed::new(most(9));
    let _kept = [follow(&feed, HERE, None, None), follow(&feed, HERE, Some(other), None)];
    let _ended = [follow(&feed, HERE, Some(one), None), follow(&feed, BEFORE, None, None)];
    feed.tell(&News::default(), &Published { places: vec![place(HERE, &[other])], ..Published::default() });
    assert_eq!(feed.subscribers(), 2);
}
