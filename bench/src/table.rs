//! What is printed: Markdown, as `docs/benchmarks.md` keeps it.

use comfy_table::presets::ASCII_MARKDOWN;

use crate::wrk::Load;

/// Rows in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

pub(crate) enum Row {
    Load { name: String, connections: u32, load: Load, ratio: Option<f64> },
    Value { name: String, value: String },
    Aimed { name: String, value: String, aim: String },
}

impl Row {
    pub(crate) fn load(name: &str, connections: u32, load: &Load, base: Option<&Load>) -> Self {
        let ratio = base.map(|base| load.per_second / base.per_second);
        Self::Load { name: name.to_owned(), connections, load: load.clone(), ratio }
    }

    pub(crate) fn value(name: &str, value: String) -> Self {
        Self::Value { name: name.to_owned(), value }
    }

    /// What is to be under the aim, or else what the aim says.
    pub(crate) fn aimed(name: &str, value: String, aim: &str) -> Self {
        Self::Aimed { name: name.to_owned(), value, aim: aim.to_owned() }
    }

    fn cells(&self) -> Vec<String> {
        match self {
            Self::Value { name, value } => vec![name.clone(), value.clone()],
            Self::Aimed { name, value, aim } => vec![name.clone(), value.clone(), aim.clone()],
            Self::Load { name, connections, load, ratio } => vec![
                name.clone(),
                connections.to_string(),
                format!("{:.0}", load.per_second),
                ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                load.p50.clone(),
                load.p99.clone(),
                load.errors.to_string(),
            ],
        }
    }
}

impl Table {
    pub(crate) fn push(&mut self, row: Row) {
        eprintln!("{}", row.cells().join("  "));
        self.rows.push(row);
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
    }

    #[expect(clippy::print_stdout, reason = "the table is what the tool is for")]
    pub(crate) fn print(&self) {
        let header: &[&str] = match self.rows.first() {
            Some(Row::Load { .. }) => {
                &["server", "connections", "requests/s", "× do-nothing", "p50", "p99", "errors"]
            }
            Some(Row::Aimed { .. }) => &["figure", "value", "aim"],
            _ => &["figure", "value"],
        };
        let mut table = comfy_table::Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(header);
        self.rows.iter().for_each(|row| {
            table.add_row(row.cells());
        });
        println!("\n{table}\n");
    }
}
