//! Who may have a send explained: whoever may send.

use axum::extract::{FromRequest, Request};

use super::super::Api;
use super::super::auth::{Call, Sender};
use super::super::body;
use super::super::universal::{API_KEY, Identified, PASSWORD, is_account};
use super::super::use_cases::{ErrorBody, Rejection};
use crate::openapi::{Input, Operation};

/// A caller of one kind or the other, by the credentials it brought: an account's decide where
/// there are any.
#[derive(Debug)]
pub(in super::super) enum Asker {
    /// A token that may send.
    Token(Box<Call<Sender>>),
    /// An account of the universal API. Its rate is for sends: nothing is taken from it.
    Account(Box<Identified>),
}

impl Asker {
    pub(super) fn api(&self) -> &Api {
        match self {
            Asker::Token(call) => &call.api,
            Asker::Account(call) => &call.api,
        }
    }

    pub(super) fn body(&self) -> &[u8] {
        match self {
            Asker::Token(call) => &call.body,
            Asker::Account(call) => &call.body,
        }
    }

    /// Accounts are told what becomes of their messages, not how the operator proves who he is,
    /// nor who else hears of them.
    pub(super) fn is_of_the_house(&self) -> bool {
        matches!(self, Asker::Token(_))
    }
}

impl FromRequest<Api> for Asker {
    type Rejection = Rejection;

    async fn from_request(request: Request, api: &Api) -> Result<Asker, Rejection> {
        if is_account(request.headers()) {
            return Ok(Asker::Account(Box::new(
                Identified::of(request, api).await?,
            )));
        }
        let call = Call::from_request(request, api).await?;
        body::must_be_json(&call.headers)?;
        Ok(Asker::Token(Box::new(call)))
    }
}

impl Input for Asker {
    fn describe(operation: &mut Operation<'_>) {
        Call::<Sender>::describe(operation);
        operation
            .requires(API_KEY, &[])
            .requires(PASSWORD, &[])
            .errors::<ErrorBody<'_>>()
            .refuses(401, "There is no credential, or nobody knows it.")
            .refuses(
                403,
                "The token does not have the scope, the account must not be used from this \
                 address, or whoever asks could not send by this family.",
            )
            .refuses(415, "The body is not called JSON.")
            .refuses(422, "The request breaks a rule, or its body ended early.")
            .refuses(429, "Too many wrong credentials came from this address.");
    }
}
