//! The statement of a filtered list, put together from its conditions.

use crate::clock::Timestamp;
use crate::name::Role;
use crate::store::sqlite::driver::{self, FromSql, Row, Sql, ToSql};
use crate::store::{NameFilter, Page, PageQuery};

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

/// Rows of a list in descending order of their ids. The first condition with an index is walked; the others judge each row.
pub(in crate::store::sqlite) struct ListStatement {
    columns: &'static str,
    tables: Tables,
    walked: bool,
    walk: String,
    rest: String,
    /// Values of `?1` and up: the cursor, then those of `walk`, then those of `rest`.
    values: Vec<Box<dyn ToSql>>,
    walk_values: usize,
}

/// The id after which a list of UUIDs goes on. The greatest stands for no cursor.
pub(super) fn cursor(after: Option<&[u8; 16]>) -> [u8; 16] {
    after.copied().unwrap_or([0xff; 16])
}

impl ListStatement {
    /// Rows whose id is less than `after`.
    pub(super) fn new(columns: &'static str, tables: Tables, after: impl ToSql + 'static) -> Self {
        let values: Vec<Box<dyn ToSql>> = vec![Box::new(after)];
        Self {
            columns,
            tables,
            walked: false,
            walk: String::new(),
            rest: String::new(),
            values,
            walk_values: 1,
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

    /// Walks `tables`, by this condition or by the id alone. Call it before the conditions that judge.
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

    /// Adds a condition that judges each row, unless every walked row meets it.
    pub(super) fn only(&mut self, condition: &str) {
        if !self.walk.contains(condition) {
            self.rest += " AND ";
            self.rest += condition;
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

    /// Returns the statement of a page; `floor` is the parameter of the least id.
    fn statement(&self, floor: Option<usize>, limit: usize) -> String {
        let Self { columns, tables: Tables { all, id, join, .. }, walk, rest, .. } = self;
        let floor = floor.map_or_else(String::new, |floor| format!(" AND {id} >= ?{floor}"));
        format!(
            "SELECT {columns} FROM {all} WHERE {id} < ?1{walk}{join}{rest}{floor} ORDER BY {id} DESC LIMIT ?{limit}"
        )
    }

    fn floor_statement(&self) -> String {
        let Self { tables: Tables { walked, id, .. }, walk, walk_values, .. } = self;
        let offset = walk_values + 1;
        format!("SELECT {id} FROM {walked} WHERE {id} < ?1{walk} ORDER BY {id} DESC LIMIT 2 OFFSET ?{offset}")
    }

    /// Reads a page. At most `look_at` rows are judged: the page ends there.
    pub(super) fn page<T, Id: Copy + FromSql + ToSql + 'static>(
        mut self,
        sql: Sql<'_>,
        query: PageQuery<Id>,
        read: impl FnMut(&Row<'_>) -> driver::Result<T>,
        id: impl Fn(&T) -> Id,
    ) -> driver::Result<Page<T, Id>> {
        let floor: Option<Id> = if self.rest.is_empty() { None } else { self.floor(sql, query.look_at)? };
        let floor_at = floor.map(|floor| {
            self.values.push(Box::new(floor));
            self.values.len()
        });
        self.values.push(Box::new(i64::from(query.limit) + 1));
        let text = self.statement(floor_at, self.values.len());
        let mut items = sql.all(&text, self.params(self.values.len()).as_slice(), read)?;
        if items.len() as u64 > u64::from(query.limit) {
            items.pop();
            let next = items.last().map(id);
            return Ok(Page { items, next });
        }
        Ok(Page { items, next: floor })
    }

    /// Returns the id of the last row that may be judged, if others follow it.
    fn floor<Id: Copy + FromSql>(&self, sql: Sql<'_>, look_at: u32) -> driver::Result<Option<Id>> {
        let offset = i64::from(look_at.max(1)) - 1;
        let mut params = self.params(self.walk_values);
        params.push(&offset);
        let last: Vec<Id> = sql.all(&self.floor_statement(), params.as_slice(), |row| row.get(0))?;
        Ok(last.first().copied().filter(|_| last.len() == 2))
    }

    fn params(&self, count: usize) -> Vec<&dyn ToSql> {
        self.values[..count].iter().map(|value| &**value).collect()
    }

    /// Returns the statements of a page, for a test to explain.
    #[cfg(test)]
    pub(in crate::store::sqlite) fn statements(&self) -> [String; 2] {
        let next = self.values.len() + 1;
        [self.statement(Some(next), next + 1), self.floor_statement()]
    }
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
