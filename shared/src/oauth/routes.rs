//! Which endpoint answers which path and method.

use super::state::{IntrospectionEndpoint, Pages, RevocationEndpoint, SignInEndpoint, TokenEndpoint, UserinfoEndpoint};
use super::{account, authorize, consent, introspect, login, pages, provider, revoke, token, userinfo};
use crate::http::{Request, Response};

impl Pages {
    /// `GET` and `POST` of `/oauth2/authorize`, `/login` and `/consent`
    pub async fn authorize(&self, request: Request) -> Response {
        let issuer = self.config().issuer(&request.domain);
        let post = request.method == http::Method::POST;
        let page = match (request.path.as_str(), post) {
            ("/login", false) => login::show(self, &request, &issuer).await,
            ("/login", true) => login::submit(self, &request, &issuer).await,
            ("/consent", false) => consent::show(self, &request, &issuer).await,
            ("/consent", true) => consent::submit(self, &request, &issuer).await,
            _ => authorize::authorize(self, &request, &issuer).await,
        };
        page.unwrap_or_else(|error| pages::error(&error, &self.config().plan.name))
    }

    /// `GET` and `POST /account`
    pub async fn account(&self, request: Request) -> Response {
        let issuer = self.config().issuer(&request.domain);
        let page = match request.method == http::Method::POST {
            false => account::show(self, &request, &issuer).await,
            true => account::submit(self, &request, &issuer).await,
        };
        page.unwrap_or_else(|error| pages::error(&error, &self.config().plan.name))
    }
}

impl SignInEndpoint {
    /// `GET` of `/login/{provider}`, `/login/{provider}/answer` and `/login/{provider}/jwks`, `POST` of `/login/{provider}/logout`
    pub async fn answer(&self, request: Request) -> Response {
        let issuer = self.config().issuer(&request.domain);
        let name = request.parameters.get("provider").map(String::as_str).unwrap_or_default();
        let page = match request.path.rsplit('/').next() {
            Some("answer") => provider::answer(self, &request, &issuer, name).await,
            Some("logout") => provider::logout(self, &request, &issuer, name).await,
            Some("jwks") => provider::keys_of_ours(self).await,
            _ => provider::start(self, &request, &issuer, name).await,
        };
        page.unwrap_or_else(|error| pages::error(&error, &self.config().plan.name))
    }
}

impl TokenEndpoint {
    /// `POST /oauth2/token`
    pub async fn answer(&self, request: Request) -> Response {
        let issuer = self.config().issuer(&request.domain);
        token::token(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }
}

impl RevocationEndpoint {
    /// `POST /oauth2/revoke`
    pub async fn answer(&self, request: Request) -> Response {
        let issuer = self.config().issuer(&request.domain);
        revoke::revoke(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }
}

impl IntrospectionEndpoint {
    /// `POST /oauth2/introspect`
    pub async fn answer(&self, request: Request) -> Response {
        let issuer = self.config().issuer(&request.domain);
        introspect::introspect(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }
}

impl UserinfoEndpoint {
    /// `GET` and `POST /oauth2/userinfo`
    pub async fn answer(&self, request: Request) -> Response {
        let issuer = self.config().issuer(&request.domain);
        userinfo::userinfo(self, &request, &issuer).await.unwrap_or_else(|error| error.respond(issuer.as_str()))
    }
}
