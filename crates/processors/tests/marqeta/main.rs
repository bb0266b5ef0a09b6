//! Marqeta's JIT requests from body to answer, through the public interface.

mod given;

mod answers;
mod bodies;
mod hostile;
mod methods;
