//! Many callers at once.

use std::sync::Arc;

use bursar_testkit::{Store, on_both_stores};
use serde_json::json;
use tokio::task::JoinSet;

use super::{state, swipe, verdict};
use crate::Tested;
use crate::running::Running;

const CLIENTS: usize = 64;
const COPIES: usize = 50;

/// Swipes smaller and smaller amounts, each until it is declined; what was approved, in cents.
async fn spend(server: Arc<Running>, client: usize) -> Result<u64, String> {
    let mut approved_minor = 0;
    for amount_minor in [100_u64, 10, 1] {
        for number in 0.. {
            let token = format!("c{client}-{amount_minor}-{number}");
            let amount = format!("{}.{:02}", amount_minor / 100, amount_minor % 100);
            let answered = server.jit(&swipe(&token, &amount)).await.map_err(|error| error.to_string())?;
            match verdict(&answered) {
                (200, _) => approved_minor += amount_minor,
                (402, reason) if reason == "INSUFFICIENT_FUNDS" => break,
                _ => return Err(format!("{token}: {answered:?}")),
            }
        }
    }
    Ok(approved_minor)
}

on_both_stores!(sixty_four_clients_spend_one_account_to_the_last_cent_and_no_further, worker_threads = 2);
async fn sixty_four_clients_spend_one_account_to_the_last_cent_and_no_further(store: Store) -> Tested {
    let server = Arc::new(Running::start(store).await?);
    let given = server.given("USD", Some("45.67")).await?;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(spend(server.clone(), client));
    }
    let mut approved_minor = 0;
    for spent in clients.join_all().await {
        approved_minor += spent?;
    }
    assert_eq!(approved_minor, 4567);
    let account = state(&server, &given).await?.0;
    assert_eq!((&account["held"], &account["available"]), (&json!("45.67"), &json!("0.00")));
    Ok(())
}

on_both_stores!(one_message_fifty_times_at_once_is_one_hold_and_fifty_equal_answers, worker_threads = 2);
async fn one_message_fifty_times_at_once_is_one_hold_and_fifty_equal_answers(store: Store) -> Tested {
    let server = Arc::new(Running::start(store).await?);
    let given = server.given("USD", Some("100.00")).await?;
    let mut copies = JoinSet::new();
    for _ in 0..COPIES {
        let server = server.clone();
        copies.spawn(async move {
            let answered = server.jit(&swipe("swipe", "1.00")).await.map_err(|error| error.to_string())?;
            Ok::<_, String>((answered.status.as_u16(), answered.text))
        });
    }
    let answers = copies.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!((answers.len(), answers[0].0), (COPIES, 200));
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    let (account, listed) = state(&server, &given).await?;
    assert_eq!((&account["held"], &account["open_holds"]), (&json!("1.00"), &json!(1)));
    assert_eq!(listed.len(), 1);
    Ok(())
}
