use super::failures::{FORGIVEN_AFTER, SHORTEST};
use super::waiting::{HELD, HELD_OF_SITE, HELD_WHERE_KNOWN};
use super::*;

const NOW: Duration = Duration::from_secs(1_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn at(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

fn by(user: &str, address: Option<IpAddr>) -> Trial {
    Trial { user: user.to_owned(), epoch: 0, address, suspect: false, greeting: Greeting::AsKnown }
}

fn suspect(user: &str, address: Option<IpAddr>) -> Trial {
    Trial { suspect: true, ..by(user, address) }
}

fn guessed(times: u32) -> Guesses {
    let guesses = Guesses::default();
    (0..times).for_each(|_| guesses.failed(&by("admin", at(9)), NOW));
    guesses
}

fn delay(guesses: &Guesses, address: Option<IpAddr>, now: Duration) -> Option<Duration> {
    match guesses.receive(&by("admin", address), now) {
        Reception::Held(delay, _) => Some(delay),
        Reception::Known | Reception::Free => None,
        Reception::Full | Reception::FullWhereKnown => panic!("there is room"),
    }
}

#[test]
fn a_few_wrong_passwords_are_free_and_then_each_doubles_the_delay_up_to_its_bound() {
    assert_eq!(delay(&guessed(5), at(1), NOW), None);
    assert_eq!(delay(&guessed(6), at(1), NOW), Some(SHORTEST));
    assert_eq!(delay(&guessed(7), at(1), NOW), Some(2 * SHORTEST));
    assert_eq!(delay(&guessed(5000), at(1), NOW), Some(LONGEST));
}

#[test]
fn a_known_address_is_not_held_back_for_what_is_wrong_elsewhere_and_nobody_else_is_known_for_it() {
    let guesses = guessed(5000);
    guesses.proven(&by("admin", at(1)), NOW);
    assert!(matches!(guesses.receive(&by("admin", at(1)), NOW), Reception::Known));
    assert!(matches!(guesses.receive(&by("admin", None), NOW), Reception::Known));
    assert_eq!(delay(&guesses, at(2), NOW), Some(LONGEST));
    guesses.proven(&by("operator", at(2)), NOW);
    assert_eq!(delay(&guesses, at(2), NOW), Some(LONGEST));
    assert_eq!(delay(&guesses, at(1), NOW + 24 * 3600 * SECOND - SECOND), None);
}

#[test]
fn at_a_known_address_some_dozens_are_free_and_then_it_is_held_back_in_places_of_its_own() {
    let guesses = Guesses::default();
    guesses.proven(&by("admin", at(1)), NOW);
    guesses.proven(&by("admin", at(2)), NOW);
    (0..FREE_WHERE_KNOWN).for_each(|_| guesses.failed(&by("admin", at(1)), NOW));
    assert!(matches!(guesses.receive(&by("admin", at(1)), NOW), Reception::Known));
    guesses.failed(&by("admin", at(1)), NOW);
    assert_eq!(delay(&guesses, at(1), NOW), Some(SHORTEST));
    (0..1000).for_each(|_| guesses.failed(&by("admin", at(1)), NOW));
    guesses.proven(&by("admin", at(1)), NOW);
    assert_eq!(hold(&guesses, [v4(0); 3].into_iter()).len(), 2, "those of strangers");
    let home = at(1).into_iter().cycle().take(HELD);
    assert_eq!(hold(&guesses, home).len(), HELD_WHERE_KNOWN, "signing in forgave nothing");
    assert!(matches!(guesses.receive(&by("admin", at(2)), NOW), Reception::Known), "their other address");
    let forgiven = NOW + 15 * FORGIVEN_AFTER;
    assert!(matches!(guesses.receive(&by("admin", at(1)), forgiven), Reception::Known));
}

#[test]
fn a_name_that_nobody_has_is_treated_the_same() {
    let guesses = Guesses::default();
    (0..5000).for_each(|_| guesses.failed(&by("nobody", at(9)), NOW));
    assert!(matches!(guesses.receive(&by("nobody", at(1)), NOW), Reception::Held(LONGEST, _)));
}

#[test]
fn failures_are_forgiven_one_by_one() {
    let guesses = guessed(7);
    assert_eq!(delay(&guesses, at(1), NOW + FORGIVEN_AFTER - SECOND), Some(2 * SHORTEST));
    assert_eq!(delay(&guesses, at(1), NOW + FORGIVEN_AFTER), Some(SHORTEST));
    assert_eq!(delay(&guesses, at(1), NOW + 2 * FORGIVEN_AFTER), None);
    let guesses = guessed(1_000_000);
    assert_eq!(delay(&guesses, at(1), NOW + 15 * FORGIVEN_AFTER), None);
    guesses.sweep(NOW + 20 * FORGIVEN_AFTER);
    assert!(guesses.accounts().is_empty());
}

/// Holds attempts back from these addresses, until it is dropped: how many of each there was room for.
fn hold(guesses: &Guesses, addresses: impl Iterator<Item = IpAddr>) -> Vec<Place> {
    let receive = |address| match guesses.receive(&by("admin", Some(address)), NOW) {
        Reception::Held(_, place) => Some(place),
        Reception::Full | Reception::FullWhereKnown => None,
        Reception::Known | Reception::Free => panic!("not held"),
    };
    addresses.filter_map(receive).collect()
}

fn v4(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::from([198, 18, high, low])
}

#[test]
fn three_hundred_addresses_that_take_all_they_can_leave_room_for_a_new_one() {
    let guesses = guessed(50);
    let places = hold(&guesses, (0..300).flat_map(|number| [v4(number); 3]));
    assert!(places.len() > 300, "{}", places.len());
    let new = hold(&guesses, [v4(1000), v4(1001)].into_iter());
    assert_eq!(new.len(), 2);
    drop((places, new));
    assert!(guesses.0.waiting.is_empty());
}

#[test]
fn only_so_many_are_held_and_two_of_a_site() {
    let guesses = guessed(50);
    assert_eq!(hold(&guesses, [v4(1); 3].into_iter()).len(), 2);
    let subscribers = (0..9).map(|number| format!("2001:db8:1:{number}::1").parse().unwrap());
    assert_eq!(hold(&guesses, subscribers).len(), 2, "all of one /48");
    let all = hold(&guesses, (0..1000).map(v4));
    assert_eq!(all.len(), HELD);
    assert!(hold(&guesses, [v4(2000)].into_iter()).is_empty());
    drop(all);
    assert_eq!(hold(&guesses, [v4(2000)].into_iter()).len(), 1);
}

#[test]
fn a_site_holds_few_places_whosever_accounts_it_tries_and_takes_none_of_others() {
    let guesses = Guesses::default();
    let hold = |number: usize, address: &str| match guesses
        .receive(&suspect(&format!("name{number}"), address.parse().ok()), NOW)
    {
        Reception::Held(_, place) => Some(place),
        _ => None,
    };
    let places: Vec<_> =
        (0..500).filter_map(|number| hold(number, &format!("2001:db8:1:{number}::1"))).collect();
    assert_eq!(places.len(), HELD_OF_SITE, "one /48");
    let newcomer = hold(0, "2001:db8:2::1");
    assert!(newcomer.is_some());
    drop((places, newcomer));
    assert!(guesses.0.waiting.is_empty());
    assert!(hold(0, "2001:db8:1::1").is_some(), "there is room again");
}

#[test]
fn where_a_user_signed_in_is_not_known_any_more_with_a_new_epoch() {
    let guesses = guessed(5000);
    let in_epoch = |epoch| Trial { epoch, ..by("admin", at(1)) };
    let known = |epoch| matches!(guesses.receive(&in_epoch(epoch), NOW), Reception::Known);
    guesses.proven(&in_epoch(3), NOW);
    assert!(known(3) && !known(4));
    guesses.proven(&in_epoch(4), NOW);
    assert!(known(4) && !known(3));
    guesses.proven(&in_epoch(1), NOW);
    assert!(known(1) && !known(4), "another user of that name may begin at a lower one");
}

#[test]
fn an_attempt_that_is_to_be_a_strangers_is_held_back_wherever_it_comes_from() {
    let guesses = guessed(5000);
    guesses.proven(&by("admin", at(1)), NOW);
    for address in [at(1), None] {
        let trial = Trial { greeting: Greeting::AsStranger, ..by("admin", address) };
        let first = guesses.receive(&trial, NOW);
        let _second = guesses.receive(&trial, NOW);
        assert!(matches!(first, Reception::Held(LONGEST, _)));
        assert!(matches!(guesses.receive(&trial, NOW), Reception::Full));
    }
}

#[test]
fn memory_is_bounded_whatever_names_are_tried() {
    let guesses = Guesses::default();
    for number in 0..100_000 {
        guesses.failed(&by(&number.to_string(), at(9)), NOW);
    }
    assert!(guesses.accounts().len() as u64 <= PLACES);
    for last in 0..=255 {
        guesses.proven(&by("admin", at(last)), NOW);
    }
    assert!(matches!(guesses.receive(&by("admin", at(255)), NOW), Reception::Known));
    guesses.proven(&by("admin", at(0)), NOW);
    assert!(matches!(
        guesses.receive(&by("admin", at(240)), NOW + SECOND),
        Reception::Free | Reception::Held(..)
    ));
}

#[test]
fn where_much_is_refused_a_user_who_is_known_waits_in_places_that_no_stranger_takes() {
    let guesses = Guesses::default();
    guesses.proven(&by("admin", at(1)), NOW);
    let mut held = Vec::new();
    for _ in 0..HELD_WHERE_KNOWN {
        match guesses.receive(&suspect("admin", at(1)), NOW) {
            Reception::Held(LONGEST, place) => held.push(place),
            _ => panic!("not held back"),
        }
    }
    let one_more = || guesses.receive(&suspect("admin", at(1)), NOW);
    assert!(matches!(one_more(), Reception::FullWhereKnown));
    let stranger = |user, last| guesses.receive(&suspect(user, at(last)), NOW);
    let (first, _second) = (stranger("anna", 1), stranger("anna", 1));
    assert!(matches!(first, Reception::Held(LONGEST, _)));
    assert!(matches!(stranger("anna", 1), Reception::Full), "she is not known there");
    match stranger("admin", 2) {
        Reception::Held(_, place) => assert_ne!(place.queue(), held[0].queue()),
        _ => panic!("those that are known take no places of strangers"),
    }
    assert!(matches!(guesses.receive(&by("admin", at(1)), NOW), Reception::Known));
    held.pop();
    assert!(matches!(one_more(), Reception::Held(LONGEST, _)), "there is room again");
}
