//! The contract on a cluster.

use bursar_cache::key_value_contract;
use bursar_testkit::RedisServer;

key_value_contract!(RedisServer::cluster());
