//! Handlers with their descriptions, and the table that takes nothing else.

use axum::Router;
use axum::extract::State;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use super::operation::{Describe, Operation};
use super::{Described, Operations};

/// A handler for one method, and what is to be said about it.
#[derive(Debug)]
pub struct Endpoint<S> {
    method: &'static str,
    handler: MethodRouter<S>,
    inputs: Describe,
    describe: Describe,
}

/// An extractor that says what it asks of a request, and how it refuses.
pub trait Input {
    fn describe(operation: &mut Operation<'_>);
}

/// The extractors of a handler.
pub trait Inputs {
    fn describe(operation: &mut Operation<'_>);
}

impl<S> Input for State<S> {
    fn describe(_: &mut Operation<'_>) {}
}

/// No extractor at all, as axum writes it.
impl Inputs for ((),) {
    fn describe(_: &mut Operation<'_>) {}
}

/// The first member is axum's marker.
impl<M, A: Input> Inputs for (M, A) {
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
    }
}

impl<M, A: Input, B: Input> Inputs for (M, A, B) {
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
        B::describe(operation);
    }
}

macro_rules! methods {
    ($($method:ident)*) => { $(
        /// An endpoint for the method of this name.
        pub fn $method<H, T, S>(handler: H, describe: Describe) -> Endpoint<S>
        where
            H: Handler<T, S>,
            T: Inputs + 'static,
            S: Clone + Send + Sync + 'static,
        {
            Endpoint {
                method: stringify!($method),
                handler: routing::$method(handler),
                inputs: T::describe,
                describe,
            }
        }
    )* };
}

methods! { get post put patch delete }

/// The table of all routes.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    operations: Operations,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub fn new() -> Routes<S> {
        Routes {
            router: Router::new(),
            operations: Operations::default(),
        }
    }

    /// Registers a path, with and without a slash at its end: a redirect would lose the body.
    /// `layered` puts around the handlers what the table's owner wants there.
    pub fn add(
        &mut self,
        path: &'static str,
        endpoints: impl IntoIterator<Item = Endpoint<S>>,
        layered: impl FnOnce(MethodRouter<S>) -> MethodRouter<S>,
    ) {
        let mut methods = MethodRouter::new();
        for endpoint in endpoints {
            methods = methods.merge(endpoint.handler);
            self.operations.0.push(Described {
                path,
                method: endpoint.method,
                inputs: endpoint.inputs,
                describe: endpoint.describe,
            });
        }
        let methods = layered(methods);
        self.router = std::mem::take(&mut self.router)
            .route(path, methods.clone())
            .route(&format!("{path}/"), methods);
    }

    /// What was registered: to be served, and to be described.
    pub fn finish(self) -> (Router<S>, Operations) {
        (self.router, self.operations)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Routes::new()
    }
}
