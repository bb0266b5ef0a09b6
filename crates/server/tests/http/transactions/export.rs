//! The export: the same as the list, however long it is, and whole or broken off.

use std::collections::HashMap;
use std::sync::Arc;

use bursar_store::StoreError;
use bursar_testkit::{FaultyLedger, ReadFault, Store, on_both_stores};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{listed, purchase, report};
use crate::running::{API_KEY, Answered, Error, Running, until};
use crate::{Tested, faulty};

/// The lines of an export by its header.
fn lines(csv: &str) -> Result<Vec<HashMap<String, String>>, Error> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

async fn export(server: &Running, query: &str) -> Result<Answered, Error> {
    let answered = server.get(&format!("/v1/transactions.csv?{query}")).await?;
    match answered.status.as_u16() {
        200 => Ok(answered),
        status => Err(format!("{query}: {status} {}", answered.text).into()),
    }
}

/// The cell of an item of the list, as the export has it.
fn cell(item: &Value, name: &str) -> String {
    let value = match name.strip_prefix("merchant_") {
        Some(field @ ("id" | "name" | "city" | "country")) => &item["merchant"][field],
        _ if name == "mcc" => &item["merchant"]["mcc"],
        _ => &item[name],
    };
    match value {
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        value => value.as_str().unwrap_or_default().to_owned(),
    }
}

on_both_stores!(the_export_is_the_list);
async fn the_export_is_the_list(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let merchant = json!({"id": "m-1", "mcc": "5814", "name": "Café \"Étoile\", Paris", "city": "Paris", "country": "FRA"});
    let bought = server.make("/v1/authorizations", purchase("30.00", merchant)).await?;
    let path = format!("/v1/authorizations/{}", bought["id"].as_str().ok_or("no id")?);
    server.make(&format!("{path}/captures"), json!({"amount": "36.00", "currency": "USD"})).await?;
    server.make(&format!("{path}/refunds"), json!({"amount": "6.00", "currency": "USD"})).await?;
    server.make("/v1/authorizations", purchase("5000.00", json!({}))).await?;
    let unknown = json!({"card": "nobody's", "amount": "1.00", "currency": "USD"});
    server.make("/v1/authorizations", unknown).await?;
    let mut abroad = super::item("authorization", "t-1", "PENDING", "5.00", "10:00:00");
    abroad["currency_conversion"] =
        json!({"network": {"original_amount": "900", "original_currency_code": "392"}});
    report(&server, abroad).await?;
    for query in ["", "status=declined", "merchant=m-1", "mcc=5999"] {
        let exported = export(&server, query).await?;
        assert_eq!(exported.headers["content-type"], "text/csv; charset=utf-8; header=present");
        assert_eq!(exported.headers["content-disposition"], "attachment; filename=\"transactions.csv\"");
        assert!(!exported.headers.contains_key("content-length"));
        let items = listed(&server, query).await?;
        let lines = lines(&exported.text)?;
        assert_eq!(lines.len(), items.len(), "{query}");
        for (line, item) in lines.iter().zip(&items) {
            assert_eq!(line.len(), 24);
            for (name, found) in line {
                assert_eq!(*found, cell(item, name), "{name} of {item}");
            }
        }
    }
    let none = export(&server, "mcc=5999").await?;
    assert!(none.text.starts_with("id,began_at,status,") && none.text.ends_with("\r\n"), "{}", none.text);
    Ok(())
}

on_both_stores!(what_a_spreadsheet_would_run_is_a_text);
async fn what_a_spreadsheet_would_run_is_a_text(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let names =
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "plain = text", "=cmd|' /C calc'!A0,\"x\"\n"];
    for name in names {
        let merchant = json!({"name": name, "id": "=m", "city": "+c"});
        let bought = server.make("/v1/authorizations", purchase("1.00", merchant)).await?;
        let path = format!("/v1/authorizations/{}", bought["id"].as_str().ok_or("no id")?);
        server.make(&format!("{path}/captures"), json!({"amount": "1.00", "currency": "USD"})).await?;
    }
    let exported = export(&server, "").await?;
    let lines = lines(&exported.text)?;
    assert_eq!(lines.len(), names.len());
    for line in &lines {
        for (name, cell) in line {
            let is_amount = name == "posted";
            assert!(is_amount || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name}: {cell}");
        }
        assert_eq!((line["merchant_id"].as_str(), line["merchant_city"].as_str()), ("'=m", "'+c"));
        assert_eq!(line["posted"], "-1.00");
    }
    let names: Vec<&str> = lines.iter().rev().map(|line| line["merchant_name"].as_str()).collect();
    assert_eq!(names[0..4], ["'=1+1", "'+1", "'-1", "'@SUM(A1)"]);
    assert_eq!(names[6], "plain = text");
    Ok(())
}

const ROWS: usize = 5_000;

/// A server with so many purchases, and its ledger.
async fn large(store: Store) -> Result<(Running, Arc<FaultyLedger>), Error> {
    let (server, ledger) = faulty::start(store).await?;
    server.given("USD", Some("100000.00")).await?;
    let server_ref = &server;
    let client = |first: usize| async move {
        for _ in (first..ROWS).step_by(64) {
            server_ref.make("/v1/authorizations", purchase("1.00", json!({}))).await?;
        }
        Ok::<_, Error>(())
    };
    join_all((0..64).map(client)).await.into_iter().collect::<Result<(), _>>()?;
    Ok((server, ledger))
}

on_both_stores!(
    thousands_of_lines_are_sent_while_they_are_read_and_broken_off_with_the_ledger,
    worker_threads = 2
);
async fn thousands_of_lines_are_sent_while_they_are_read_and_broken_off_with_the_ledger(
    store: Store,
) -> Tested {
    let (server, ledger) = large(store).await?;
    let exported = export(&server, "").await?;
    let all = lines(&exported.text)?;
    let ids: std::collections::HashSet<&str> = all.iter().map(|line| line["id"].as_str()).collect();
    assert_eq!((all.len(), ids.len()), (ROWS, ROWS));
    // Were it made as a whole before it is sent, this would be a 503.
    let down = || ReadFault::Fails(StoreError::Unavailable("the test took it down".into()));
    ledger.set_read_fault_after(3, down());
    let request = server.client.get(server.url("/v1/transactions.csv")).bearer_auth(API_KEY);
    let mut broken = request.send().await?;
    assert_eq!(broken.status(), 200);
    let mut came = Vec::new();
    let end = loop {
        match broken.chunk().await {
            Ok(Some(chunk)) => came.extend(chunk),
            end => break end,
        }
    };
    assert!(end.is_err(), "a part looks like the whole: {} bytes", came.len());
    let came = String::from_utf8(came)?.matches("\r\n").count();
    assert!((1..ROWS).contains(&came), "{came}");
    ledger.set_read_fault(Some(down()));
    assert_eq!(server.get("/v1/transactions.csv").await?.status, 503, "nothing of it can be read");
    // Who hangs up ends it: nothing is read for nobody.
    let before = ledger.reads();
    ledger.set_read_fault_after(1, ReadFault::Hangs);
    let request = server.client.get(server.url("/v1/transactions.csv")).bearer_auth(API_KEY);
    let mut left = request.send().await?;
    let mut came = 0;
    while came <= 500 {
        let chunk = left.chunk().await?.ok_or("too few lines")?;
        came += chunk.iter().filter(|byte| **byte == b'\n').count();
    }
    until("the next page is asked for", async || Ok(ledger.reads() == before + 2)).await?;
    drop(left);
    until("the reading for nobody was given up", async || Ok(ledger.reads_given_up() == 1)).await
}
