use super::*;

const NOW: Duration = Duration::from_secs(1_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn at(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

fn guessed(times: u32) -> Guesses {
    let guesses = Guesses::default();
    (0..times).for_each(|_| guesses.failed("admin", NOW));
    guesses
}

fn delay(guesses: &Guesses, address: Option<IpAddr>, now: Duration) -> Option<Duration> {
    match guesses.receive("admin", address, false, now) {
        Reception::Held(delay, _) => Some(delay),
        Reception::Known | Reception::Free => None,
        Reception::Full => panic!("there is room"),
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
fn a_known_address_is_never_held_back_and_nobody_else_is_known_for_it() {
    let guesses = guessed(5000);
    guesses.proven("admin", at(1), NOW);
    assert!(matches!(guesses.receive("admin", at(1), false, NOW), Reception::Known));
    assert!(matches!(guesses.receive("admin", None, false, NOW), Reception::Known));
    assert_eq!(delay(&guesses, at(2), NOW), Some(LONGEST));
    guesses.proven("operator", at(2), NOW);
    assert_eq!(delay(&guesses, at(2), NOW), Some(LONGEST));
    assert_eq!(delay(&guesses, at(1), NOW + 24 * 3600 * SECOND - SECOND), None);
}

#[test]
fn a_name_that_nobody_has_is_treated_the_same() {
    let guesses = Guesses::default();
    (0..5000).for_each(|_| guesses.failed("nobody", NOW));
    assert!(matches!(guesses.receive("nobody", at(1), false, NOW), Reception::Held(LONGEST, _)));
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

#[test]
fn only_so_many_are_held_and_few_of_one_address() {
    let guesses = guessed(50);
    let mut places = Vec::new();
    let mut hold = |last: u8| match guesses.receive("admin", at(last), false, NOW) {
        Reception::Held(_, place) => {
            places.push(place);
            true
        }
        Reception::Full => false,
        _ => panic!("not held"),
    };
    assert!(hold(1) && hold(1) && !hold(1), "two of an address");
    assert!(hold(2), "and of another");
    for last in 3..32 {
        assert!(hold(last), "{last}");
    }
    assert!(!hold(40), "thirty-two in all");
    places.clear();
    assert!(delay(&guesses, at(40), NOW).is_some());
}

#[test]
fn memory_is_bounded_whatever_names_are_tried() {
    let guesses = Guesses::default();
    for number in 0..100_000 {
        guesses.failed(&number.to_string(), NOW);
    }
    assert!(guesses.accounts().len() as u64 <= PLACES);
    for last in 0..=255 {
        guesses.proven("admin", at(last), NOW);
    }
    assert!(matches!(guesses.receive("admin", at(255), false, NOW), Reception::Known));
    guesses.proven("admin", at(0), NOW);
    assert!(matches!(
        guesses.receive("admin", at(240), false, NOW + SECOND),
        Reception::Free | Reception::Held(..)
    ));
}

#[test]
fn where_much_is_refused_a_password_is_held_back_though_the_address_is_known() {
    let guesses = Guesses::default();
    guesses.proven("admin", at(1), NOW);
    let first = guesses.receive("admin", at(1), true, NOW);
    let _second = guesses.receive("admin", at(1), true, NOW);
    assert!(matches!(first, Reception::Held(LONGEST, _)));
    assert!(matches!(guesses.receive("admin", at(1), true, NOW), Reception::Full));
    assert!(matches!(guesses.receive("anna", at(1), true, NOW), Reception::Held(LONGEST, _)), "by account");
    drop(first);
    assert!(matches!(guesses.receive("admin", at(1), true, NOW), Reception::Held(LONGEST, _)));
    assert!(matches!(guesses.receive("admin", at(1), false, NOW), Reception::Known));
}
