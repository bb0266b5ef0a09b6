//! What the clients know against what the ledger says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::{CLIENTS, FUNDS, Known, Load, Swipe, World};
use crate::common::Error;
use crate::postgres::check_postgres;

/// Cents, one number an account.
type Sums = [u64; FUNDS.len()];

impl Load {
    /// Lets the clients come to an end, sends every message again, reads every account, and has the books
    /// checked. What is not right, a line each.
    pub(crate) async fn verdict(self) -> Result<Vec<String>, Error> {
        self.world.is_over.store(true, Ordering::Relaxed);
        let mut swipes = Vec::new();
        for client in self.clients {
            swipes.extend(client.await??);
        }
        let mut findings = self.world.bounds(&swipes).await?;
        let sent = swipes.len() as u64;
        let (approved, again) = self.world.send_all_again(swipes).await?;
        findings.extend(again);
        findings.extend(self.world.books(&approved).await?);
        let report = check_postgres(&self.url)?;
        if report["findings"] != json!([]) {
            findings.push(format!("bursar check: {}", report["findings"]));
        }
        let messages = self.messages + sent;
        if report["messages"] != json!(messages) {
            findings.push(format!("{} messages instead of {messages}", report["messages"]));
        }
        Ok(findings)
    }
}

impl World {
    /// Before anything is sent again: what is held was approved, or may have been; what surely failed is
    /// not held.
    async fn bounds(&self, swipes: &[Swipe]) -> Result<Vec<String>, Error> {
        let mut findings = Vec::new();
        for wallet in 0..FUNDS.len() {
            let of = |is_wanted: fn(&Known) -> bool| -> u64 {
                let of = swipes.iter().filter(|swipe| swipe.wallet == wallet && is_wanted(&swipe.known));
                of.map(|swipe| swipe.cents).sum()
            };
            let least = of(|known| matches!(known, Known::Answered { status: 200, .. }));
            let most = least + of(|known| matches!(known, Known::Unavailable | Known::Unknown));
            let held = self.account(wallet).await?["held"].as_str().and_then(cents);
            if !held.is_some_and(|held| (least..=most).contains(&held)) {
                findings
                    .push(format!("account {wallet} holds {held:?}, which is not within {least}..={most}"));
            }
        }
        Ok(findings)
    }

    /// Every message twice: one key, one answer, and the one that was given before. What was approved.
    async fn send_all_again(self: &Arc<Self>, swipes: Vec<Swipe>) -> Result<(Sums, Vec<String>), Error> {
        let share = swipes.len().div_ceil(CLIENTS).max(1);
        let send = |swipes: &[Swipe]| tokio::spawn(Arc::clone(self).send_again(swipes.to_vec()));
        let clients: Vec<_> = swipes.chunks(share).map(send).collect();
        let (mut approved, mut findings) = ([0; FUNDS.len()], Vec::new());
        for client in clients {
            let (sums, found) = client.await??;
            approved.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
            findings.extend(found);
        }
        Ok((approved, findings))
    }

    async fn send_again(self: Arc<Self>, swipes: Vec<Swipe>) -> Result<(Sums, Vec<String>), Error> {
        let (mut approved, mut findings) = ([0; FUNDS.len()], Vec::new());
        let instances = self.instances.len();
        for (number, mut swipe) in swipes.into_iter().enumerate() {
            for attempt in 0..2 {
                let again = self.ask(&swipe, (number + attempt) % instances).await?;
                if swipe.is_answered() && again != swipe.known || !matches!(again, Known::Answered { .. }) {
                    findings.push(format!("{:?} became {again:?}: {}", swipe.known, swipe.body));
                }
                swipe.learn(again);
            }
            if matches!(swipe.known, Known::Answered { status: 200, .. }) {
                approved[swipe.wallet] += swipe.cents;
            }
        }
        Ok((approved, findings))
    }

    /// Every account holds what was approved, and has the rest of its funds.
    async fn books(&self, approved: &Sums) -> Result<Vec<String>, Error> {
        let mut findings = Vec::new();
        for (wallet, (approved, funds)) in approved.iter().zip(FUNDS).enumerate() {
            let account = self.account(wallet).await?;
            let of = |field: &str| account[field].as_str().and_then(cents);
            let rest = cents(funds).and_then(|funds| funds.checked_sub(*approved));
            if of("held") != Some(*approved) || of("available") != rest {
                findings.push(format!("{approved} were approved on account {wallet}: {account}"));
            }
        }
        Ok(findings)
    }

    async fn account(&self, wallet: usize) -> Result<serde_json::Value, Error> {
        self.instance(0).get(&format!("/v1/accounts/{}", self.wallets[wallet].account)).await
    }
}

/// Dollars as the API writes them.
fn cents(dollars: &str) -> Option<u64> {
    dollars.replace('.', "").parse().ok()
}
