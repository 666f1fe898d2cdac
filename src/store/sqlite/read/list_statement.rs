//! The statement of a filtered list, put together from its conditions.

mod order;

pub(super) use self::order::{Order, SortedBy, Start};
use crate::clock::Timestamp;
use crate::name::Role;
use crate::store::sqlite::driver::{self, FromSql, Row, Sql, ToSql};
use crate::store::{NameFilter, Page, PageQuery, Position, SortValue};

/// The tables of a list.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    /// All of them, the walked one first.
    pub(super) all: &'static str,
    /// The one whose index is walked.
    pub(super) walked: &'static str,
    /// Its column that orders the list.
    pub(super) id: &'static str,
    /// The condition that ties the others to it.
    pub(super) join: &'static str,
}

/// Counts the rows of `tables` in each state, of which `condition` is the condition at `now`.
pub(super) fn count_by_state<S: Copy>(
    sql: Sql<'_>,
    (tables, only): (Tables, &str),
    states: &[S],
    now: Timestamp,
    condition: impl Fn(S, &str) -> String,
) -> driver::Result<Vec<(S, u64)>> {
    let counts: Vec<_> =
        states.iter().map(|state| format!("count(*) FILTER (WHERE {})", condition(*state, "?1"))).collect();
    let text = format!("SELECT {} FROM {} WHERE {only}", counts.join(", "), tables.all);
    let read = |row: &Row<'_>| {
        let count = |(place, state): (usize, &S)| Ok((*state, row.get(place)?));
        states.iter().enumerate().map(count).collect::<driver::Result<Vec<_>>>()
    };
    Ok(sql.one(&text, [now], read)?.unwrap_or_default())
}

/// The path along which the rows of a page are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::sqlite) enum Way {
    /// Along the index of a condition.
    Condition,
    /// Along the indexes of a search.
    Search,
    /// Along the order of the list: every condition judges each row.
    Order,
}

/// A walk with at most a quarter of the rows that a page may judge is read whole and sorted.
const FEW: u32 = 4;
/// Number of rows judged first, for each row of the page, and the factor by which it grows while the page is not full. Most
/// pages are full soon, and finding the last of many rows is slow.
const FIRST_JUDGED: u32 = 4;
const MORE_JUDGED: u32 = 8;

/// Rows of a list in its order. The first condition with an index is walked; the others judge each row.
pub(in crate::store::sqlite) struct ListStatement {
    columns: &'static str,
    tables: Tables,
    order: Order,
    walked: bool,
    walk: String,
    rest: String,
    /// Values of `?1` and up: the id and the value of the start, then those of `walk`, then those of `rest`.
    values: Vec<Box<dyn ToSql>>,
    walk_values: usize,
    /// All rows of the walk are read and sorted.
    whole: bool,
}

/// The id after which a list of UUIDs goes on. The greatest stands for no cursor.
pub(super) fn cursor(after: Option<&[u8; 16]>) -> [u8; 16] {
    after.copied().unwrap_or([0xff; 16])
}

/// Chooses the way to a page of at most `look_at` judged rows. The rows of a search, or of a condition with an index, are sorted if they
/// are few. Otherwise the list is walked in its order.
pub(super) fn choose(
    sql: Sql<'_>,
    (order, has_search): (Order, bool),
    look_at: u32,
    select: impl Fn(Way) -> ListStatement,
) -> driver::Result<ListStatement> {
    if has_search {
        let found = select(Way::Search);
        if found.is_few(sql, look_at)? {
            return Ok(ListStatement { whole: true, ..found });
        }
    }
    let by_condition = select(Way::Condition);
    if order.column().is_none() {
        return Ok(by_condition);
    }
    let by_order = select(Way::Order);
    Ok(match !by_condition.walks_no_less_than(&by_order) && by_condition.is_few(sql, look_at)? {
        true => ListStatement { whole: true, ..by_condition },
        false => by_order,
    })
}

impl ListStatement {
    /// Rows whose id is less than `after`, the greatest first.
    pub(super) fn new(columns: &'static str, tables: Tables, after: impl ToSql + 'static) -> Self {
        Self::starting(columns, tables, Order::NEWEST, vec![Box::new(after), Box::new(None::<SortValue>)])
    }

    /// Rows that follow `start` in this order.
    pub(super) fn sorted(columns: &'static str, tables: Tables, order: Order, (id, value): Start) -> Self {
        Self::starting(columns, tables, order, vec![Box::new(id), Box::new(value)])
    }

    fn starting(columns: &'static str, tables: Tables, order: Order, values: Vec<Box<dyn ToSql>>) -> Self {
        let walk_values = values.len();
        Self {
            columns,
            tables,
            order,
            walked: false,
            walk: String::new(),
            rest: String::new(),
            values,
            walk_values,
            whole: false,
        }
    }

    /// Adds a value and returns its parameter.
    pub(super) fn bind(&mut self, value: impl ToSql + 'static) -> String {
        self.values.push(Box::new(value));
        format!("?{}", self.values.len())
    }

    /// Returns whether a condition chooses the index already.
    pub(super) const fn is_walked(&self) -> bool {
        self.walked
    }

    /// Walks `tables`, by this condition or by the order alone. Call it before the conditions that judge.
    pub(super) fn walk(&mut self, tables: Tables, condition: Option<&str>) {
        (self.tables, self.walked) = (tables, true);
        if let Some(condition) = condition {
            self.walk += " AND ";
            self.walk += condition;
        }
        self.walk_values = self.values.len();
    }

    /// Adds an equality with an index: it is walked, or judges each row if an earlier condition is walked.
    pub(super) fn indexed(&mut self, tables: Tables, column: &str, value: impl ToSql + 'static) {
        let value = self.bind(value);
        let condition = format!("{column} = {value}");
        if self.walked { self.only(&condition) } else { self.walk(tables, Some(&condition)) }
    }

    /// Adds a whole text, of which `tables` has an index in lower case.
    pub(super) fn exactly(&mut self, tables: Tables, column: &str, text: &str) {
        self.indexed(tables, &format!("lower({column})"), text.to_ascii_lowercase());
        self.equal(column, Some(text.to_owned()));
    }

    /// Adds an equality that judges each row, if there is a value.
    pub(super) fn equal(&mut self, column: &str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            let value = self.bind(value);
            self.only(&format!("{column} = {value}"));
        }
    }

    /// Adds a role, of which `tables` has an index. `judged` finds the role of a row, with `?` for the role.
    pub(super) fn role(&mut self, tables: Tables, role: &Role, judged: &str) {
        if self.walked {
            let role = self.bind(role.clone());
            self.only(&judged.replace('?', &role));
        } else {
            self.indexed(tables, "r.role", role.clone());
        }
    }

    /// Adds a condition that judges each row, unless every walked row meets it. It chooses no other index than the walk.
    pub(super) fn only(&mut self, condition: &str) {
        if !self.walk.contains(condition) {
            self.rest += &format!(" AND ({condition}) IS TRUE");
        }
    }

    /// Adds a pattern in which ASCII letters match in either case.
    pub(super) fn pattern(&mut self, column: &str, name: Option<&NameFilter>) {
        if let Some(NameFilter::Pattern(pattern)) = name {
            let pattern = self.bind(like(pattern));
            self.only(&format!("lower({column}) LIKE {pattern} ESCAPE '\\'"));
        }
    }

    /// Adds a choice of states.
    pub(super) fn states<S: Copy>(
        &mut self,
        states: &[S],
        now: Timestamp,
        condition: impl Fn(S, &str) -> String,
    ) {
        let now = self.bind(now);
        let states: Vec<String> = states.iter().map(|state| condition(*state, &now)).collect();
        self.only(&format!("({})", states.join(" OR ")));
    }

    /// Returns the statement of a page. `floor` is the first parameter of the last position.
    fn statement(&self, floor: Option<usize>, limit: usize) -> String {
        let Self { columns, tables: Tables { all, id, join, .. }, order, walk, rest, .. } = self;
        let (value, terms) = (order.selected(), order.terms(id, self.whole));
        let mut start = order.follows(id);
        if self.whole {
            // The index of the order is another way than the walk.
            start = format!("({start}) IS TRUE");
        }
        let floor = floor.map_or_else(String::new, |floor| format!(" AND {}", order.until(id, floor)));
        format!(
            "SELECT {columns}{value} FROM {all} WHERE {start}{walk}{join}{rest}{floor} ORDER BY {terms} LIMIT ?{limit}"
        )
    }

    fn floor_statement(&self) -> String {
        let Self { tables: Tables { walked, id, .. }, order, walk, walk_values, .. } = self;
        let (value, start, terms) = (order.selected(), order.follows(id), order.terms(id, false));
        let offset = walk_values + 1;
        format!(
            "SELECT {id}{value} FROM {walked} WHERE {start}{walk} ORDER BY {terms} LIMIT 2 OFFSET ?{offset}"
        )
    }

    /// Reads a page of a list that the id sorts.
    pub(super) fn page_by_id<T, Id: Clone + FromSql + ToSql + 'static>(
        self,
        sql: Sql<'_>,
        query: &PageQuery<Id>,
        read: impl FnMut(&Row<'_>) -> driver::Result<T>,
        id: impl Fn(&T) -> Id,
    ) -> driver::Result<Page<T, Id>> {
        let Page { items, next } = self.page(sql, (query.limit, query.look_at), read, id)?;
        Ok(Page { items, next: next.map(|last| last.id) })
    }

    /// Reads a page of at most `limit` rows. At most `look_at` rows are judged: the page ends there. A few are judged first.
    pub(super) fn page<T, Id: Clone + FromSql + ToSql + 'static>(
        mut self,
        sql: Sql<'_>,
        (limit, look_at): (u32, u32),
        mut read: impl FnMut(&Row<'_>) -> driver::Result<T>,
        id: impl Fn(&T) -> Id,
    ) -> driver::Result<Page<T, Position<Id>>> {
        if self.whole || self.rest.is_empty() {
            return self.page_until(sql, limit, None, &mut read, &id);
        }
        let mut judged = limit.saturating_mul(FIRST_JUDGED).min(look_at);
        loop {
            let floor = self.floor(sql, judged)?;
            let is_last = floor.is_none() || judged == look_at;
            let page = self.page_until(sql, limit, floor, &mut read, &id)?;
            if is_last || page.items.len() as u64 == u64::from(limit) {
                return Ok(page);
            }
            judged = judged.saturating_mul(MORE_JUDGED).min(look_at);
        }
    }

    /// Reads a page of rows up to the position `floor`.
    fn page_until<T, Id: Clone + FromSql + ToSql + 'static>(
        &mut self,
        sql: Sql<'_>,
        limit: u32,
        floor: Option<Position<Id>>,
        mut read: impl FnMut(&Row<'_>) -> driver::Result<T>,
        id: impl Fn(&T) -> Id,
    ) -> driver::Result<Page<T, Position<Id>>> {
        let (order, conditions) = (self.order, self.values.len());
        let floor_at = floor.clone().map(|Position { id, value }| {
            self.values.push(Box::new(id));
            self.values.push(Box::new(value));
            self.values.len() - 1
        });
        self.values.push(Box::new(i64::from(limit) + 1));
        let text = self.statement(floor_at, self.values.len());
        let rows = sql.all(&text, self.params(self.values.len()).as_slice(), |row| {
            Ok((read(row)?, sort_value(order, row)?))
        });
        self.values.truncate(conditions);
        let (mut rows, mut next) = (rows?, floor);
        if rows.len() as u64 > u64::from(limit) {
            rows.pop();
            next = rows.last().map(|(item, value)| Position { id: id(item), value: value.clone() });
        }
        Ok(Page { items: rows.into_iter().map(|(item, _)| item).collect(), next })
    }

    /// Returns the position of the last row that may be judged, if others follow it.
    fn floor<Id: Clone + FromSql>(&self, sql: Sql<'_>, look_at: u32) -> driver::Result<Option<Position<Id>>> {
        let offset = i64::from(look_at.max(1)) - 1;
        let mut params = self.params(self.walk_values);
        params.push(&offset);
        let read = |row: &Row<'_>| Ok(Position { id: row.get(0)?, value: sort_value(self.order, row)? });
        let last: Vec<Position<Id>> = sql.all(&self.floor_statement(), params.as_slice(), read)?;
        Ok(last.first().cloned().filter(|_| last.len() == 2))
    }

    /// Returns whether the other walk has the same condition, or a narrower one.
    fn walks_no_less_than(&self, other: &Self) -> bool {
        self.tables.walked == other.tables.walked && other.walk.starts_with(&self.walk)
    }

    /// Returns whether the walk has few rows. They are counted up to that number.
    fn is_few(&self, sql: Sql<'_>, look_at: u32) -> driver::Result<bool> {
        let few = i64::from(look_at / FEW);
        let most = few + 1;
        let mut params = self.params(self.walk_values);
        params.push(&most);
        let count: Option<i64> = sql.one(&self.count_statement(), params.as_slice(), |row| row.get(0))?;
        Ok(count.is_some_and(|count| count <= few))
    }

    fn count_statement(&self) -> String {
        let Self { tables: Tables { walked, .. }, walk, walk_values, .. } = self;
        let limit = walk_values + 1;
        format!("SELECT count(*) FROM (SELECT 1 FROM {walked} WHERE true{walk} LIMIT ?{limit}) AS few")
    }

    fn params(&self, count: usize) -> Vec<&dyn ToSql> {
        self.values[..count].iter().map(|value| &**value).collect()
    }

    /// Returns the statements of a page, for a test to explain.
    #[cfg(test)]
    pub(in crate::store::sqlite) fn statements(&self) -> [String; 2] {
        let next = self.values.len() + 1;
        [self.statement(Some(next), next + 2), self.floor_statement()]
    }

    /// Returns the statements of a page whose rows are few, for a test to explain.
    #[cfg(test)]
    pub(in crate::store::sqlite) fn statements_of_few(self) -> [String; 2] {
        let whole = Self { whole: true, ..self };
        [whole.statement(None, whole.values.len() + 1), whole.count_statement()]
    }
}

fn sort_value(order: Order, row: &Row<'_>) -> driver::Result<Option<SortValue>> {
    order.column().map(|_| row.get("sort_value")).transpose()
}

/// Returns the SQL pattern of a pattern in which `*` stands for any text.
fn like(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len() + 2);
    for character in pattern.chars() {
        match character {
            '*' => like.push('%'),
            '%' | '_' | '\\' => like.extend(['\\', character]),
            character => like.push(character.to_ascii_lowercase()),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_star_is_special_in_a_pattern() {
        assert_eq!(like("Rack*"), "rack%");
        assert_eq!(like(r"100%_\*"), r"100\%\_\\%");
    }
}
