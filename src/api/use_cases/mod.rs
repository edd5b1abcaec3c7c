//! The use-case API: send for a purpose, and let the bridge choose the sender.
//!
//! - `send`: the checks in their order, then the message; and messages read again
//! - `check`: what has to hold of a use case and a destination before anything is sent
//! - `pool`: which sender a destination gets
//! - `record`: a message as this family shows it
//! - `manage`: use cases and opt-outs, for operators
//! - `refusal`: what a Twilio-compatible upstream refused, in this family's codes
//! - `rejection`: errors as this family words them

mod check;
pub(super) mod describe;
mod identity;
mod manage;
mod pool;
mod record;
mod refusal;
mod rejection;
mod send;

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::request::Parts;
use uuid::Uuid;

pub(super) use self::manage::{change, create, delete, list, opt_in, opt_out, opt_outs, read};
pub(super) use self::pool::Pools;
pub(super) use self::rejection::{Body as ErrorBody, Rejection};
pub(super) use self::send::{
    explain, list as list_messages, read as read_message, send, send_many,
};

use super::Api;
use super::auth::{BatchCall, Call, Scoped};
use crate::message::UseCase;
use crate::openapi::{Input, Operation, Schema};

/// All paths of this family begin with it.
pub(super) const PREFIX: &str = "/v1/";

/// A [`Call`] whose refusals are in this family's words.
#[derive(Debug)]
pub(super) struct UseCaseCall<S>(Call<S>);

impl<S: Scoped> FromRequest<Api> for UseCaseCall<S> {
    type Rejection = Rejection;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Rejection> {
        Ok(UseCaseCall(Call::from_request(request, api).await?))
    }
}

impl<S: Scoped> Input for UseCaseCall<S> {
    fn describe(operation: &mut Operation<'_>) {
        Call::<S>::describe(operation);
        operation.errors::<rejection::Body<'_>>();
        operation.refuses(422, "The request breaks a rule, or its body ended early.");
    }
}

/// A [`BatchCall`] whose refusals are in this family's words.
#[derive(Debug)]
pub(super) struct UseCaseBatch<S>(BatchCall<S>);

impl<S: Scoped> FromRequest<Api> for UseCaseBatch<S> {
    type Rejection = Rejection;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Rejection> {
        Ok(UseCaseBatch(BatchCall::from_request(request, api).await?))
    }
}

impl<S: Scoped> Input for UseCaseBatch<S> {
    fn describe(operation: &mut Operation<'_>) {
        UseCaseCall::<S>::describe(operation);
    }
}

/// The UUID in a path. Whatever is none is nobody's: the handler answers 404.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(Option<u128>);

impl FromRequestParts<Api> for Key {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Key, Self::Rejection> {
        let text = Path::<String>::from_request_parts(parts, api).await;
        Ok(Key(text.ok().and_then(|Path(text)| parse(&text))))
    }
}

impl Input for Key {
    fn describe(operation: &mut Operation<'_>) {
        let id = Schema::string().with("format", "uuid");
        operation.path("id", id.says("Anything but a known UUID is 404."));
        operation.refuses(404, "There is none with this id.");
    }
}

/// A use case and a number in a path; empty where they cannot be read.
#[derive(Clone, Debug)]
pub(super) struct NumberOf {
    key: Key,
    number: String,
}

impl FromRequestParts<Api> for NumberOf {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        let path = Path::<(String, String)>::from_request_parts(parts, api).await;
        let (id, number) = path.map(|Path(both)| both).unwrap_or_default();
        Ok(NumberOf {
            key: Key(parse(&id)),
            number,
        })
    }
}

impl Input for NumberOf {
    fn describe(operation: &mut Operation<'_>) {
        Key::describe(operation);
        let number = Schema::string().pattern(check::E164_LENIENT);
        operation.path(
            "number",
            number.says("In E.164 form; the `+` may be left out."),
        );
    }
}

fn parse(text: &str) -> Option<u128> {
    Uuid::try_parse(text).ok().map(|uuid| uuid.as_u128())
}

/// A use case that is not deleted.
fn find(api: &Api, id: Option<u128>) -> Option<Arc<UseCase>> {
    let use_cases = api.0.use_cases.borrow();
    let found = use_cases.get(&id?)?;
    let there = found.status != crate::message::UseCaseStatus::Deleted;
    there.then(|| Arc::new(found.clone()))
}
