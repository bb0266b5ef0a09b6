//! Marqeta's JIT requests from body to answer, through the public interface.

mod given;

mod answers;
mod bodies;
mod channels;
mod details;
mod heard;
mod hostile;
mod links;
mod merchants;
mod methods;
mod notices;
mod reports;
