//! The OpenAPI document: it is whole, it is true, and it is served as other published documents are.

mod complete;
mod errors;
mod examples;
mod served;
mod shapes;
