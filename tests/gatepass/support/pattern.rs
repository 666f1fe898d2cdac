//! The patterns of the document, of which there are few kinds: literals, `[sets]`, `(one|of|these)`, `+`, `{n}`, `{n,m}`.

enum Atom {
    Set(Vec<(char, char)>),
    OneOf(Vec<String>),
}

struct Piece {
    atom: Atom,
    least: usize,
    most: usize,
}

/// Returns whether `text` matches `pattern`, which begins with `^` and ends with `$`.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let inner =
        pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')).expect("an anchored pattern");
    eaten(&pieces(inner), 0, text)
}

fn pieces(mut rest: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let end = |close| rest.find(close).expect("a closed group");
        let (atom, length) = match first {
            '[' => (Atom::Set(set(&rest[1..end(']')])), end(']') + 1),
            '(' => (Atom::OneOf(rest[1..end(')')].split('|').map(str::to_owned).collect()), end(')') + 1),
            '\\' | '.' | '*' | '?' => panic!("a pattern of another kind: {rest}"),
            literal => (Atom::Set(vec![(literal, literal)]), literal.len_utf8()),
        };
        rest = &rest[length..];
        let (least, most, length) = repeated(rest);
        found.push(Piece { atom, least, most });
        rest = &rest[length..];
    }
    found
}

fn set(inner: &str) -> Vec<(char, char)> {
    let chars = inner.chars().collect::<Vec<_>>();
    let (mut ranges, mut place) = (Vec::new(), 0);
    while place < chars.len() {
        let range = chars.get(place + 1) == Some(&'-') && place + 2 < chars.len();
        ranges.push((chars[place], chars[if range { place + 2 } else { place }]));
        place += if range { 3 } else { 1 };
    }
    ranges
}

fn repeated(rest: &str) -> (usize, usize, usize) {
    if rest.starts_with('+') {
        return (1, usize::MAX, 1);
    }
    let Some(inner) = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()) else {
        return (1, 1, 0);
    };
    let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
    (least.parse().unwrap(), most.parse().unwrap(), inner.len() + 2)
}

/// Returns whether the pieces match all of `text`; the first was met `met` times already.
fn eaten(pieces: &[Piece], met: usize, text: &str) -> bool {
    let Some((piece, later)) = pieces.split_first() else { return text.is_empty() };
    let again = met < piece.most
        && lengths(&piece.atom, text).into_iter().any(|length| eaten(pieces, met + 1, &text[length..]));
    again || (met >= piece.least && eaten(later, 0, text))
}

fn lengths(atom: &Atom, text: &str) -> Vec<usize> {
    match atom {
        Atom::Set(ranges) => {
            let first =
                text.chars().next().filter(|c| ranges.iter().any(|(from, to)| (from..=to).contains(&c)));
            first.map(char::len_utf8).into_iter().collect()
        }
        Atom::OneOf(words) => words.iter().filter(|word| text.starts_with(*word)).map(String::len).collect(),
    }
}

#[test]
fn patterns_fit_what_they_say() {
    for (pattern, good, bad) in [
        ("^[a-z][a-z0-9._-]{0,3}$", &["a", "a.-_"][..], &["", "A", "abcde", "-"][..]),
        ("^(live|expired)$", &["live", "expired"][..], &["lived", ""][..]),
        ("^(a|b)[+]jwt$", &["a+jwt"][..], &["ajwt", "c+jwt"][..]),
        ("^[0-9a-f]{4}$", &["00ff"][..], &["00fg", "0", "00ff0"][..]),
        ("^token_[a-z_]+$", &["token_used_up"][..], &["token_", "tok"][..]),
    ] {
        assert!(good.iter().all(|text| fits(pattern, text)), "{pattern}");
        assert!(!bad.iter().any(|text| fits(pattern, text)), "{pattern}");
    }
}
