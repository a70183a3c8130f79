//! The services that Patient Access uses on AWS, on one computer.
//!
//! [`LocalStack::start`] reads the SAM template that deploys the project, and provides the resources it declares, in
//! one process and within a second:
//!
//! | AWS | here | module |
//! |---|---|---|
//! | CloudFormation and SAM | resources, routes, intrinsics and nested stacks of `template.yaml` | `cfn` |
//! | DynamoDB | dynoxide | `dynamodb` |
//! | S3 | s3s | `s3` |
//! | KMS | an endpoint of our own | `kms` |
//! | API Gateway (HTTP API) | routes, events, answers and limits; pages of this machine alone | `gateway` |
//! | Lambda | the real binaries, over the Runtime API; by requests and, where [`Options`] says so, by streams and schedules | `lambda` |
//!
//! [`watch_config`] writes the same routes for `cargo lambda watch`, which can take the place of API Gateway and
//! Lambda.
//!
//! A function cannot tell that it does not run on AWS. It finds the endpoints in the standard variables
//! `AWS_ENDPOINT_URL_*`, and the template gives it the rest of its environment. Limits of size and time, and the shapes
//! of responses, are those of API Gateway and Lambda: a request that AWS would refuse is refused here too. IAM is
//! missing: every caller may do everything.
//!
//! `provider` is no service of AWS: it is an OpenID provider with which a plan's members could sign in, for the demo.
//!
//! `stack` starts all of them, and `services` the three that functions call; `server` is the HTTP server under all of
//! them. Everything listens on the loopback interface only.

#![expect(
    clippy::disallowed_methods,
    reason = "this stands for AWS itself, whose clocks and keys are its own; the ban is for what runs on it"
)]

mod arn;
mod cargo_lambda;
mod cfn;
mod dynamodb;
mod gateway;
mod kms;
mod lambda;
mod provider;
mod random;
mod s3;
mod scalar;
mod server;
mod services;
mod stack;

pub use cargo_lambda::{routes, watch_config};
pub use cfn::yaml::template_json;
pub use gateway::pages::Page;
pub use lambda::logs::LogLine;
pub use provider::{DemoProvider, DemoProviderOptions, Person};
pub use stack::{LocalStack, Options};

/// The region of all resources.
pub(crate) const REGION: &str = "us-east-1";
/// The account of all resources.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The access key with which S3 verifies signatures. It opens nothing else.
pub(crate) const ACCESS_KEY_ID: &str = "local";
/// See [`ACCESS_KEY_ID`].
pub(crate) const SECRET_ACCESS_KEY: &str = "local";
