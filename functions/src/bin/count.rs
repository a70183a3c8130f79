//! The stream of the audit table: counts the members whose data apps were given, for CMS's yearly report.

use std::sync::Arc;

use shared::store::counts::Counts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let counts = Arc::new(Counts::from_environment().await?);
    shared::lambda::stream::serve(move |rows| {
        let counts = counts.clone();
        async move { counts.add(&rows).await }
    })
    .await
}
