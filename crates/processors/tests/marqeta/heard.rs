//! What the processor says that it heard from us.

use bursar_core::command::Heard;
use serde_json::{Value, json};

use crate::reports::{commands, item, report_of, with};

/// What is read of a log.
fn heard(log: Value) -> Option<Heard> {
    let order = json!({"currency_code": "USD", "funding": {"gateway_log": log}});
    let commands = commands(&with(item("authorization"), "gpa_order", order));
    report_of(commands.last().expect("a command")).heard
}

fn log(code: &str, data: Value) -> Value {
    json!({"message": "Approved or completed successfully", "timed_out": false,
        "response": {"code": code, "data": data}})
}

#[test]
fn an_answer_is_an_object_or_an_array_of_it() {
    let answer = json!({"jit_funding": {"token": "jit-1", "amount": 12.5}});
    let expected = Heard { is_approved: Some(true), amount_minor: Some(1_250), ..Heard::default() };
    assert_eq!(heard(log("200", answer.clone())), Some(expected));
    assert_eq!(heard(log("200", json!([answer]))), Some(expected));
    let declined = Heard { is_approved: Some(false), amount_minor: Some(1_250), ..Heard::default() };
    assert_eq!(heard(log("402", json!({"jit_funding": {"amount": "12.50"}}))), Some(declined));
}

#[test]
fn what_came_too_late_or_could_not_be_read_is_told() {
    let late = Heard { is_too_late: true, ..Heard::default() };
    assert_eq!(heard(json!({"timed_out": true})), Some(late));
    let unreadable = Heard { is_unreadable: true, is_approved: Some(true), ..Heard::default() };
    let log = json!({"message": "Unable to parse: <html>", "response": {"code": "200"}});
    assert_eq!(heard(log), Some(unreadable));
}

/// It takes nothing from the report itself.
#[test]
fn what_cannot_be_read_of_a_log_is_not_told() {
    assert_eq!(commands(&item("authorization")).len(), 2);
    for log in [json!(7), json!("no"), json!(null)] {
        assert_eq!(heard(log), None);
    }
    for log in [json!({}), json!({"response": 7}), json!({"response": {"code": "503", "data": "<html>"}})] {
        assert_eq!(heard(log), Some(Heard::default()));
    }
}
