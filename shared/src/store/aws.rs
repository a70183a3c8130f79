//! The SDKs' way to AWS: an account, or a stack on one machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};

use super::trust::{TrustError, http_client};

/// The SDKs' common configuration.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
    endpoints: Endpoints,
    /// The patience of a load; `None` for a function, which answers in time or not at all.
    patience: Option<Patience>,
}

/// The patience of a load: where storage throttles or is out of reach, its calls are repeated, with pauses that grow to 20 seconds and
/// are of random length, until they succeed or the operator stops the load.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    pace: Option<Arc<Pace>>,
}

/// As good as without an end: a call is tried for days. The SDK adds up the pauses of all tries when a client is made.
const MOST_TRIES: u32 = 20_000;

/// The most writes in a second.
#[derive(Debug)]
struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Patience {
    /// Patience, with at most this many writes in a second.
    pub fn at_most(writes_a_second: Option<u32>) -> Patience {
        let pace = |rate: u32| Pace { gap: Duration::from_secs(1) / rate.max(1), next: Mutex::new(Instant::now()) };
        Patience { pace: writes_a_second.map(|rate| Arc::new(pace(rate))) }
    }

    /// Waits until the next write is due.
    pub(super) async fn pace(&self) {
        let Some(pace) = &self.pace else { return };
        tokio::time::sleep_until(pace.due(Instant::now()).into()).await;
    }
}

impl Pace {
    /// When a write that is wanted now is due.
    fn due(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = (*next).max(now);
        *next = due + self.gap;
        due
    }
}

/// Endpoints of a stack on one machine. Without them the SDK's own rules apply, `AWS_ENDPOINT_URL_*` among them.
#[derive(Clone, Debug, Default)]
struct Endpoints {
    dynamodb: Option<String>,
    s3: Option<String>,
    kms: Option<String>,
}

/// At most three tries, and an end well before API Gateway's 30 seconds.
fn in_time(loader: ConfigLoader) -> ConfigLoader {
    loader.retry_config(RetryConfig::standard().with_max_attempts(3)).timeout_config(
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(8))
            .build(),
    )
}

impl Aws {
    /// The account and region of the environment, as a function on Lambda has them.
    ///
    /// # Errors
    /// [`TrustError`] where `AWS_CA_BUNDLE` names no file of certificates.
    pub async fn from_environment() -> Result<Aws, TrustError> {
        let client = http_client(std::env::var_os("AWS_CA_BUNDLE").as_deref())?;
        let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(client);
        Ok(Aws { config: in_time(loader).load().await, endpoints: Endpoints::default(), patience: None })
    }

    /// The account of a profile in the operator's own configuration; `None` is the default profile.
    pub async fn of_profile(profile: Option<&str>) -> Aws {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        Aws { config: in_time(loader).load().await, endpoints: Endpoints::default(), patience: None }
    }

    /// A stack on one machine. `environment` are the variables that it gives its functions.
    pub async fn local(environment: &BTreeMap<String, String>) -> Aws {
        let value = |name: &str| environment.get(name).cloned();
        let text = |name: &str| value(name).unwrap_or_default();
        let credentials =
            Credentials::new(text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY"), None, None, "local stack");
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(text("AWS_REGION")))
            .credentials_provider(credentials);
        Aws {
            config: in_time(loader).load().await,
            patience: None,
            endpoints: Endpoints {
                dynamodb: value("AWS_ENDPOINT_URL_DYNAMODB"),
                s3: value("AWS_ENDPOINT_URL_S3"),
                kms: value("AWS_ENDPOINT_URL_KMS"),
            },
        }
    }

    /// The same way, with patience.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Aws {
        let retries = RetryConfig::standard()
            .with_max_attempts(MOST_TRIES)
            .with_initial_backoff(Duration::from_millis(50))
            .with_max_backoff(Duration::from_secs(20));
        let time = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(30))
            .disable_operation_timeout()
            .build();
        let config = self.config.to_builder().retry_config(retries).timeout_config(time).build();
        Aws { config, endpoints: self.endpoints.clone(), patience: Some(patience) }
    }

    /// The patience of its calls.
    pub(super) fn patience(&self) -> Option<&Patience> {
        self.patience.as_ref()
    }

    /// The budget of retries: patience needs one without an end.
    fn budget(&self) -> Option<RetryPartition> {
        let endless = || RetryPartition::custom("load").token_bucket(TokenBucket::unlimited()).build();
        self.patience.as_ref().map(|_| endless())
    }

    /// Whether it leads to a stack on one machine.
    pub fn is_local(&self) -> bool {
        self.endpoints.dynamodb.is_some()
    }

    /// The configuration that all clients share.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        config.set_retry_partition(self.budget());
        // Each try has an end, its answer's body included: nothing else needs to watch how fast bytes come.
        let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let config = self.endpoints.dynamodb.iter().fold(config, aws_sdk_dynamodb::config::Builder::endpoint_url);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub(crate) fn kms(&self) -> aws_sdk_kms::Client {
        let config = aws_sdk_kms::config::Builder::from(&self.config);
        let config = self.endpoints.kms.iter().fold(config, aws_sdk_kms::config::Builder::endpoint_url);
        aws_sdk_kms::Client::from_conf(config.build())
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        self.s3_from(aws_sdk_s3::config::Builder::from(&self.config))
    }

    /// A client without a time limit: gigabytes take long, and the SDK itself gives up where no byte moves.
    pub(crate) fn s3_for_uploads(&self) -> aws_sdk_s3::Client {
        let endless =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).disable_operation_attempt_timeout();
        let endless = endless.disable_operation_timeout().build();
        self.s3_from(aws_sdk_s3::config::Builder::from(&self.config).timeout_config(endless))
    }

    /// Addresses have the bucket in their path where an endpoint is given: `localhost` has no names below it.
    fn s3_from(&self, config: aws_sdk_s3::config::Builder) -> aws_sdk_s3::Client {
        let by_hand = self.endpoints.s3.is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let mut config = config;
        config.set_retry_partition(self.budget());
        let config = self.endpoints.s3.iter().fold(config, aws_sdk_s3::config::Builder::endpoint_url);
        aws_sdk_s3::Client::from_conf(config.force_path_style(by_hand).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_due_one_after_the_other_and_a_pause_is_not_made_up_for() {
        let patience = Patience::at_most(Some(50));
        let pace = patience.pace.as_deref().unwrap();
        let start = Instant::now() + Duration::from_secs(1);
        let due: Vec<Duration> = (0..5).map(|_| pace.due(start) - start).collect();
        assert_eq!(due, [0, 20, 40, 60, 80].map(Duration::from_millis));
        let later = start + Duration::from_mins(1);
        assert_eq!([pace.due(later), pace.due(later)].map(|due| due - later), [0, 20].map(Duration::from_millis));
        assert!(Patience::at_most(None).pace.is_none());
    }
}
