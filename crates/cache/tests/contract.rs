//! The contract, in process.

use std::sync::Arc;

use async_trait::async_trait;
use bursar_cache::contract::Place;
use bursar_cache::{KeyValue, MemoryKeyValue, key_value_contract};

#[derive(Default)]
struct Process(Arc<MemoryKeyValue>);

#[async_trait]
impl Place for Process {
    async fn open(&self) -> Arc<dyn KeyValue> {
        self.0.clone()
    }
}

key_value_contract!(Process::default());
