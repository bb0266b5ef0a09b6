//! The broker on RabbitMQ keeps the contract.

use bursar_testkit::RabbitPlace;

bursar_broker::broker_contract!(RabbitPlace::new().await);
