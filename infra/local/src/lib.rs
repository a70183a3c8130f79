//! The services that Patient Access uses on AWS, on one computer.
//!
//! [`LocalStack::start`] reads the SAM template that deploys the project and
//! provides what it declares, in one process and within a second:
//!
//! | AWS | here | module |
//! |---|---|---|
//! | CloudFormation and SAM | resources, routes, intrinsics and nested stacks of `template.yaml` | `yaml`, `template`, `intrinsics`, `physical`, `plan` |
//! | DynamoDB | dynoxide | `dynamodb` |
//! | S3 | s3s | `s3` |
//! | KMS | an endpoint of our own | `kms` |
//! | API Gateway (HTTP API) | routes, events, answers and limits; `pages` of this machine alone | `gateway`, `routes`, `event`, `answer`, `percent` |
//! | Lambda | the real binaries, over the Runtime API | `lambda`, `function`, `instance`, `process`, `runtime_api`, `logs` |
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

mod answer;
mod dynamodb;
mod event;
mod function;
mod gateway;
mod instance;
mod intrinsics;
mod kms;
mod lambda;
mod logs;
mod pages;
mod percent;
mod physical;
mod plan;
mod process;
mod random;
mod routes;
mod runtime_api;
mod s3;
mod server;
mod services;
mod stack;
mod template;
mod watch;
mod yaml;

pub use logs::LogLine;
pub use pages::Page;
pub use stack::{LocalStack, Options};
pub use watch::{routes, watch_config};
pub use yaml::template_json;

/// The region everything is in.
pub(crate) const REGION: &str = "us-east-1";
/// The account everything belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The credentials that S3 verifies signatures with. They open nothing else.
pub(crate) const ACCESS_KEY_ID: &str = "local";
/// See [`ACCESS_KEY_ID`].
pub(crate) const SECRET_ACCESS_KEY: &str = "local";
