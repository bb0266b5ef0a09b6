//! The embedded documents keep the contract.

use bursar_testkit::DocumentsFolder;

bursar_documents::documents_contract!(DocumentsFolder::new());
