//! The services that Patient Access uses on AWS, on one computer.
//!
//! [`LocalStack::start`] reads the SAM template that deploys the project and
//! provides what it declares, in one process and within a second:
//!
//! | AWS | here | module |
//! |---|---|---|
//! | CloudFormation and SAM | resources, routes, intrinsics and nested stacks of `template.yaml` | `cfn` |
//! | DynamoDB | dynoxide | `dynamodb` |
//! | S3 | s3s | `s3` |
//! | KMS | an endpoint of our own | `kms` |
//! | API Gateway (HTTP API) | routes, events, answers and limits; pages of this machine alone | `gateway` |
//! | Lambda | the real binaries, over the Runtime API | `lambda` |
//!
//! [`watch_config`] gives the same routes to `cargo lambda watch`, which can stand in for the last two.
//!
//! Nothing in a function knows that it does not run on AWS: it finds the
//! endpoints in the standard variables `AWS_ENDPOINT_URL_*`, and the rest of its
//! environment is the one the template gives it. What AWS refuses is refused
//! here too: sizes, timeouts and response shapes are API Gateway's and Lambda's.
//! IAM is not here: every caller may do everything.
//!
//! `stack` puts them together and `services` the three that functions call; `server` is the HTTP
//! server under all of them. Everything listens on the loopback interface only.

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
pub use stack::{LocalStack, Options};

/// The region everything is in.
pub(crate) const REGION: &str = "us-east-1";
/// The account everything belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The credentials that S3 verifies signatures with. They open nothing else.
pub(crate) const ACCESS_KEY_ID: &str = "local";
/// See [`ACCESS_KEY_ID`].
pub(crate) const SECRET_ACCESS_KEY: &str = "local";
