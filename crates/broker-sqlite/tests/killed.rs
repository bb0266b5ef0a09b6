//! What a process that is killed leaves behind.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use bursar_broker::contract::{PAUSES, Place};
use bursar_broker::{Broker, Content, Exchange, Outgoing, Queue, publish_all};
use bursar_broker_sqlite::SqliteBroker;
use bursar_testkit::BrokerFolder;
use uuid::Uuid;

/// Where the process that is to be killed has its broker, and the number of its first message.
const FOLDER: &str = "BURSAR_TEST_KILLED_FOLDER";
const FIRST: &str = "BURSAR_TEST_KILLED_FIRST";

/// What the process that was killed said of its messages.
#[derive(Default)]
struct Said {
    confirmed: BTreeSet<u128>,
    /// It began to settle these: whether they are is not known.
    settling: BTreeSet<u128>,
    settled: BTreeSet<u128>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let Some((word, number)) = line.split_once(' ') else { return };
        let Ok(number) = number.parse() else { return };
        match word {
            "confirmed" => self.confirmed.insert(number),
            "settling" => self.settling.insert(number),
            "settled" => self.settled.insert(number),
            _ => false,
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_loses_nothing_confirmed_and_brings_nothing_settled_back() {
    let place = BrokerFolder::new();
    let mut said = Said::default();
    for round in 0..5 {
        run_and_kill(place.path(), round * 1_000_000, &mut said);
    }
    assert!(!said.settled.is_empty());
    let came = drained(&place).await;
    let lost: Vec<_> = said
        .confirmed
        .iter()
        .filter(|number| !said.settling.contains(number) && !came.contains(number))
        .collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
    let back: Vec<_> = came.intersection(&said.settled).collect();
    assert!(back.is_empty(), "settled, and there again: {back:?}");
}

/// Kills it at some moment between publishing and settling.
fn run_and_kill(folder: &Path, first: u128, said: &mut Said) {
    let mut child = Command::new(std::env::current_exe().expect("this file"))
        .args(["--exact", "works_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (confirmed, settled) = (said.confirmed.len() + 300, said.settled.len() + 100);
    while said.confirmed.len() < confirmed || said.settled.len() < settled {
        said.hear(&lines.next().expect("it is not killed yet").expect("text"));
    }
    child.kill().expect("it runs");
    // What it said before it died.
    lines.map_while(Result::ok).for_each(|line| said.hear(&line));
    assert!(!child.wait().expect("it ended").success());
}

/// The numbers of all messages that are there.
async fn drained(place: &BrokerFolder) -> BTreeSet<u128> {
    let broker = place.open().await;
    let mut consumer = broker.subscribe(Queue::Webhook, 500);
    // The last one that is published comes last.
    publish_all(broker.as_ref(), vec![message(u128::MAX)]).await.expect("it is published");
    let mut came = BTreeSet::new();
    loop {
        let delivery = consumer.next().await.expect("the broker is there");
        let number = delivery.content.id.as_u128();
        delivery.done().await.expect("it is settled");
        if number == u128::MAX {
            return came;
        }
        came.insert(number);
    }
}

fn message(number: u128) -> Outgoing {
    let content = Content::new(Uuid::from_u128(number), "test", b"{}".to_vec());
    content.to(Exchange::Transactions, "transaction.webhook")
}

fn say(word: &str, number: u128) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word} {number}").and_then(|()| out.flush()).expect("somebody listens");
}

/// The process that is killed: publishes without end, and settles every second message that it takes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the other test, which kills it"]
async fn works_until_it_is_killed() {
    // Whoever runs all that are ignored does not mean this.
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let first: u128 = std::env::var(FIRST).ok().and_then(|first| first.parse().ok()).expect("a number");
    let broker = SqliteBroker::open(Path::new(&folder), PAUSES).expect("it opens");
    let mut consumer = broker.subscribe(Queue::Webhook, u16::MAX);
    let consuming = async {
        let mut held = Vec::new();
        while let Some(delivery) = consumer.next().await {
            let number = delivery.content.id.as_u128();
            if number % 2 == 0 {
                held.push(delivery);
                continue;
            }
            say("settling", number);
            delivery.done().await.expect("it is settled");
            say("settled", number);
        }
    };
    let publishing = async {
        for number in (first..).step_by(5) {
            publish(&broker, number..number + 5).await;
        }
    };
    tokio::join!(consuming, publishing);
}

async fn publish(broker: &dyn Broker, numbers: std::ops::Range<u128>) {
    publish_all(broker, numbers.clone().map(message).collect()).await.expect("they are published");
    numbers.for_each(|number| say("confirmed", number));
}
