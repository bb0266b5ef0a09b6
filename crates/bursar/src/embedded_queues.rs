//! What waits in the embedded queues of a data folder that is not served by them any more.

use std::path::Path;

use bursar_broker::{Broker, BrokerError, Keep, Retries};
use bursar_broker_sqlite::{FILE, SqliteBroker};

use crate::Failure;

/// How many messages of a data folder somebody has to work off; none while a server has them.
pub(crate) async fn waiting_in(folder: &Path) -> Result<u64, Failure> {
    if !folder.join(FILE).exists() {
        return Ok(0);
    }
    let broker = match SqliteBroker::open(folder, Retries::default()) {
        Ok(broker) => broker,
        Err(BrokerError::InUse(_)) => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let figures = broker.figures().await?;
    let kept = figures.iter().filter(|figures| figures.queue.keeps() == Keep::All);
    Ok(kept.map(|figures| figures.depth + figures.paused + figures.unsettled).sum())
}
