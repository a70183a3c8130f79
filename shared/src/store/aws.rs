//! The SDKs' way to AWS: an account, or a stack on one machine.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;

/// The SDKs' common configuration.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
    endpoints: Endpoints,
}

/// Endpoints of a stack on one machine. Without them the SDK's own rules apply, `AWS_ENDPOINT_URL_*` among them.
#[derive(Clone, Debug, Default)]
struct Endpoints {
    dynamodb: Option<String>,
    s3: Option<String>,
    kms: Option<String>,
}

/// At most three tries, and an end well before API Gateway's 30 seconds.
fn patience(loader: ConfigLoader) -> ConfigLoader {
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
    pub async fn from_environment() -> Aws {
        Aws {
            config: patience(aws_config::defaults(BehaviorVersion::latest())).load().await,
            endpoints: Endpoints::default(),
        }
    }

    /// The account of a profile in the operator's own configuration; `None` is the default profile.
    pub async fn of_profile(profile: Option<&str>) -> Aws {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        Aws { config: patience(loader).load().await, endpoints: Endpoints::default() }
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
            config: patience(loader).load().await,
            endpoints: Endpoints {
                dynamodb: value("AWS_ENDPOINT_URL_DYNAMODB"),
                s3: value("AWS_ENDPOINT_URL_S3"),
                kms: value("AWS_ENDPOINT_URL_KMS"),
            },
        }
    }

    /// The configuration that all clients share.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config);
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
        let config = self.endpoints.s3.iter().fold(config, aws_sdk_s3::config::Builder::endpoint_url);
        aws_sdk_s3::Client::from_conf(config.force_path_style(by_hand).build())
    }
}
