//! The SDK at the rim: a batch out, a plain [`Answer`] back. Its own retries are off: they don't know
//! SNS's throttling code and nothing of single entries, and ours are durable.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::timeout::TimeoutConfig;
use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sns::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::RequestId;
use aws_sdk_sns::operation::publish_batch::{PublishBatchError, PublishBatchOutput};
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};

use super::queue::Order;
use super::verdict::{Answer, Failure};
use super::{Identity, Settings};
use crate::contract::Message;
use crate::delivery::{Receipt, ReplayName};

/// What this stage adds to a message: attributes, and what tells copies of a replay from the first.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    /// A person sent it again after it was parked.
    pub redriven: bool,
    /// The replay it is of.
    pub replay: Option<ReplayName>,
}

impl More {
    /// The attributes.
    pub(super) fn attributes(&self) -> Vec<(&'static str, &str)> {
        let replay = self.replay.as_ref().map(|name| ("replay", name.as_str()));
        self.redriven.then_some(("redrive", "1")).into_iter().chain(replay).collect()
    }

    /// What a FIFO topic deduplicates on. A replay's copies are none of the first message's, however soon
    /// they follow it.
    fn dedup_id(&self, message_id: String) -> String {
        match &self.replay {
            Some(name) => format!("{message_id}#{}", name.id()),
            None => message_id,
        }
    }
}

/// Calls SNS. Clones share one SDK client and its connections.
#[derive(Debug, Clone)]
pub(super) struct Client {
    sdk: Arc<ArcSwap<aws_sdk_sns::Client>>,
    settings: Arc<Settings>,
}

impl Client {
    /// A client by the settings. Asks nobody for anything yet: missing credentials show at the first call.
    pub(super) async fn new(settings: Settings) -> Self {
        let sdk = Arc::new(ArcSwap::from_pointee(connect(&settings).await));
        Self { sdk, settings: Arc::new(settings) }
    }

    /// Reads credentials anew, for all clones: the SDK keeps those of a file for as long as it runs, also
    /// after AWS has refused them and somebody has put better ones there.
    pub(super) async fn renew(&self) {
        self.sdk.store(Arc::new(connect(&self.settings).await));
    }

    /// Sends one batch. The entries' ids are their places in it.
    pub(super) async fn publish(
        &self,
        arn: &str,
        order: Order,
        messages: impl Iterator<Item = (Message, More)>,
    ) -> Answer {
        let entries: Result<Vec<_>, _> = messages
            .enumerate()
            .map(|(place, (message, more))| entry(place, message, &more, order))
            .collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return Answer::Unsigned(error.to_string()),
        };
        let call = self.sdk.load().publish_batch();
        let call = call.topic_arn(arn).set_publish_batch_request_entries(Some(entries));
        match call.send().await {
            Ok(output) => listed(output),
            Err(error) => failed(&error),
        }
    }
}

async fn connect(settings: &Settings) -> aws_sdk_sns::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    if let Identity::Fixed { key_id, secret } = &settings.identity {
        loader = loader.credentials_provider(Credentials::new(key_id, secret, None, None, "settings"));
    }
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    aws_sdk_sns::Client::new(&loader.load().await)
}

fn entry(
    place: usize,
    message: Message,
    more: &More,
    order: Order,
) -> Result<PublishBatchRequestEntry, BuildError> {
    let own = message.attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
    let added = more.attributes().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let attributes: HashMap<_, _> = own
        .chain(added)
        .map(|(name, value)| {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
            Ok((name, value))
        })
        .collect::<Result<_, BuildError>>()?;
    let entry = PublishBatchRequestEntry::builder()
        .id(place.to_string())
        .message(message.body)
        .set_message_attributes(Some(attributes));
    match order {
        Order::Standard => entry.build(),
        Order::Fifo => entry
            .message_group_id(message.group.to_hex())
            .message_deduplication_id(more.dedup_id(message.id))
            .build(),
    }
}

fn listed(output: PublishBatchOutput) -> Answer {
    let request = output.request_id().map(ToOwned::to_owned);
    let taken = output.successful.unwrap_or_default().into_iter().map(|entry| {
        let receipt = Receipt {
            sns_id: entry.message_id.unwrap_or_default(),
            sns_sequence: entry.sequence_number,
            request: request.clone(),
        };
        (entry.id.unwrap_or_default(), receipt)
    });
    let failed = output.failed.unwrap_or_default().into_iter().map(|entry| Failure {
        id: entry.id,
        code: entry.code,
        words: entry.message.unwrap_or_default(),
        sender_fault: entry.sender_fault,
    });
    Answer::Listed { taken: taken.collect(), failed: failed.collect() }
}

fn failed(error: &SdkError<PublishBatchError>) -> Answer {
    let words = || chain(error);
    match error {
        SdkError::ServiceError(service) => Answer::Error {
            status: service.raw().status().as_u16(),
            code: service.err().code().map(ToOwned::to_owned),
            words: service.err().message().unwrap_or_default().to_owned(),
        },
        SdkError::ConstructionFailure(_) => Answer::Unsigned(words()),
        _ if caused_by::<CredentialsError>(error, |_| true) => Answer::Unsigned(words()),
        SdkError::DispatchFailure(_) if caused_by(error, never_connected) => Answer::Unreached(words()),
        _ => Answer::Lost(words()),
    }
}

/// What each error of the chain says. The SDK's own display adds the whole response in debug form.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// Only a connection that is made can be refused, so nothing was sent.
fn never_connected(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

fn caused_by<E: Error + 'static>(error: &(dyn Error + 'static), is: impl Fn(&E) -> bool) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<E>().is_some_and(&is) {
            return true;
        }
        cause = error.source();
    }
    false
}
