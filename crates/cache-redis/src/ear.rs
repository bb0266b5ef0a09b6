//! Hears what others forget, on a connection of its own: one that listens can do nothing else.

use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{Client, ConnectionInfo, RedisError};
use tokio::sync::{broadcast, watch};
use tokio::time::{sleep, timeout};

use bursar_cache::Key;

use crate::link::{PAUSE, PAUSE_MAX};

/// How often it makes sure that it would hear something. One that answers not by then hears nothing.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// Whom to tell.
pub(crate) struct Ear {
    /// Any node of a cluster hears all.
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) channel: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) forgotten: broadcast::Sender<Vec<Key>>,
    pub(crate) hearing: watch::Sender<bool>,
}

impl Ear {
    /// Listens, for ever; connects again whenever it has to.
    pub(crate) async fn listen(self) {
        let mut pause = PAUSE;
        for node in self.nodes.iter().cycle() {
            if let Ok(Ok(listening)) = timeout(self.connect_timeout, self.subscribe(node.clone())).await {
                pause = PAUSE;
                self.hearing.send_replace(true);
                self.hear(listening).await;
                self.hearing.send_replace(false);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn subscribe(&self, node: ConnectionInfo) -> Result<PubSub, RedisError> {
        let mut listening = Client::open(node)?.get_async_pubsub().await?;
        listening.subscribe(&self.channel).await?;
        Ok(listening)
    }

    /// Until nothing is heard any more.
    async fn hear(&self, listening: PubSub) {
        let (mut say, mut words) = listening.split();
        let told = async {
            while let Some(word) = words.next().await {
                let text: String = word.get_payload().unwrap_or_default();
                let keys: Vec<Key> = text.split_whitespace().map(Key::new).collect();
                // That nobody listens is as good.
                let _ = self.forgotten.send(keys);
            }
        };
        let asked = async {
            loop {
                sleep(ASKED_EVERY).await;
                if !matches!(timeout(ASKED_EVERY, say.ping::<redis::Value>()).await, Ok(Ok(_))) {
                    return;
                }
            }
        };
        tokio::select! { () = told => {}, () = asked => {} }
    }
}
