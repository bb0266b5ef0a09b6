//! The documents on MongoDB keep the contract.

use bursar_testkit::MongoPlace;

bursar_documents::documents_contract!(MongoPlace::new());
