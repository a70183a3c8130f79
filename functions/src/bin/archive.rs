//! The stream of the audit table: copies each record to the archive, which nobody can change.

use std::sync::Arc;

use shared::store::archive::Archive;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let archive = Arc::new(Archive::from_environment().await?);
    shared::lambda::stream::serve(move |rows| {
        let archive = archive.clone();
        async move { archive.copy(&rows).await }
    })
    .await
}
