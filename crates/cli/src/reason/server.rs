//! What the server refuses.

use super::Explained;

pub(super) const SIGN_IN: &[Explained] = &[
    Explained {
        code: "invalid_credentials",
        means: "Name and password do not belong together, or there is no such user, or the user is \
                disabled: which of them is not told. 401.",
        do_this: "Try again, or have an administrator set another password (`countersign user passwd`).",
    },
    Explained {
        code: "too_many_attempts",
        means: "Too many wrong passwords for this name from this network, or too many from this \
                network. 429 with `Retry-After`.",
        do_this: "Wait as long as `Retry-After` says.",
    },
    Explained {
        code: "unknown_refresh_token",
        means: "It is no refresh token of this server. 400 `invalid_grant`.",
        do_this: "Sign in again. After a restore from a backup this is what every old token gets.",
    },
    Explained {
        code: "unknown_session",
        means: "The refresh token's session is not there any more. 400 `invalid_grant`.",
        do_this: "Sign in again.",
    },
    Explained {
        code: "session_ended",
        means: "The session was ended: by signing out, a password change or an administrator. 400 `invalid_grant`.",
        do_this: "Sign in again.",
    },
    Explained {
        code: "session_expired",
        means: "The session was not used for too long (30 days unless set), or has reached its \
                absolute end (90 days). 400 `invalid_grant`.",
        do_this: "Sign in again.",
    },
    Explained {
        code: "wrong_client",
        means: "The refresh token was issued to another client. 400 `invalid_grant`.",
        do_this: "Refresh as the client that signed in.",
    },
    Explained {
        code: "wrong_scope",
        means: "More scope is asked for than the session was opened with. 400 `invalid_grant`.",
        do_this: "Leave `scope` out, or ask for less; for more, sign in again.",
    },
    Explained {
        code: "refresh_reused",
        means: "The refresh token was replaced long ago and came again: two parties have it. The \
                session has been ended for both. 400 `invalid_grant`.",
        do_this: "Sign in again, and find out who else had the token: a stolen one, or one copied into \
                  two programs. A lost answer is no such case; for 30 s the same answer comes again.",
    },
    Explained {
        code: "rollback_or_forgery",
        means: "The refresh token is newer than the database: the database was put back, or somebody \
                has the server's keys. The session has been ended. 400 `invalid_grant`.",
        do_this: "Sign in again. If nobody restored the database by hand, change the master key \
                  (docs/operations.md).",
    },
    Explained {
        code: "invalid_client",
        means: "The client is unknown or its secret is wrong. 401.",
        do_this: "Check id and secret; a lost secret is replaced with `countersign client rotate-secret`.",
    },
    Explained {
        code: "invalid_scope",
        means: "A scope was asked for that is not granted to this user or client. 400.",
        do_this: "Ask for less, or have an administrator grant the role the scope needs.",
    },
    Explained {
        code: "invalid_target",
        means: "Tokens were asked for an audience that this server does not serve, or not to this client. 400.",
        do_this: "Name one of the server's audiences, or leave `audience` out.",
    },
    Explained {
        code: "password_empty",
        means: "The new password is empty. 400.",
        do_this: "Choose one.",
    },
    Explained {
        code: "password_too_long",
        means: "The password is longer than 256 characters. 400.",
        do_this: "Choose a shorter one.",
    },
    Explained {
        code: "password_too_short",
        means: "The new password is shorter than the server's setting allows. 400.",
        do_this: "Choose a longer one; the answer says how long.",
    },
    Explained {
        code: "password_is_name",
        means: "The new password is the user's name. 400.",
        do_this: "Choose another.",
    },
    Explained {
        code: "nothing_to_end",
        means: "`POST /logout` came with neither a refresh token nor an access token of a session. 400.",
        do_this: "Send the refresh token in the body, or the access token in the `Authorization` header. A \
                  client's own token has no session: `/oauth/revoke` takes it back.",
    },
    Explained {
        code: "nothing_to_refresh",
        means: "`POST /refresh` came with no refresh token, neither in the body nor in a browser's cookie. 400.",
        do_this: "Send it in the body. A page that left it to the browser: nobody is signed in here.",
    },
    Explained {
        code: "hash_queue_full",
        means: "So many passwords wait to be checked that this one was not taken on. 503 with `Retry-After`.",
        do_this: "Try again in a moment. If it lasts: a flood of sign-ins, or a hash too expensive for \
                  the machine (`countersign password calibrate`).",
    },
];

pub(super) const CLIENTS: &[Explained] = &[
    Explained {
        code: "unauthorized_client",
        means: "The client may not use this grant type: it was not given to it, or it is for clients that prove who they are. 400.",
        do_this: "Have an administrator change the client's `grant_types`.",
    },
    Explained {
        code: "unsupported_grant_type",
        means: "The server has no such grant type. 400.",
        do_this: "Use one of those that the metadata list.",
    },
    Explained {
        code: "unsupported_token_type",
        means: "A token of this kind cannot be revoked. 400.",
        do_this: "Wait until it expires, or end the session it belongs to.",
    },
    Explained {
        code: "too_many_revocations",
        means: "A thousand tokens with one `sid`, those of a session or of a client in its own name, were \
                taken back one by one within the life of a token. This one was not taken back. 503 with \
                `Retry-After`.",
        do_this: "Let it expire, or come again after the time in `Retry-After`. To take back all tokens of \
                  a session, revoke its refresh token; of a client, an administrator disables it.",
    },
    Explained {
        code: "parameters_in_url",
        means: "The parameters stand in the URL, where logs have them. 400.",
        do_this: "Send them as a form in the body. If there was a secret among them, replace it.",
    },
    Explained {
        code: "bad_form",
        means: "The form is not percent-encoded UTF-8. 400.",
        do_this: "Encode it; every HTTP library does.",
    },
    Explained {
        code: "repeated_parameter",
        means: "A parameter is given more than once. 400.",
        do_this: "Send it once.",
    },
    Explained {
        code: "missing_parameter",
        means: "A parameter that must be there is missing or empty. 400; the description names it.",
        do_this: "Send it.",
    },
    Explained {
        code: "several_proofs",
        means: "The client says who it is in more than one way. 400.",
        do_this: "Use one: `Authorization: Basic`, `client_secret`, or an assertion; and one `client_id`.",
    },
    Explained {
        code: "cookie_for_client",
        means: "A client asked for its session to be kept in a cookie. 400.",
        do_this: "Leave out the client, or the cookie.",
    },
    Explained {
        code: "assertion_subject",
        means: "The client's assertion is about somebody else: `sub` must be the client. 401.",
        do_this: "Set `iss` and `sub` to the `client_id`.",
    },
    Explained {
        code: "assertion_audiences",
        means: "The client's assertion could be shown to another server as well. 401.",
        do_this: "Set `aud` to the issuer, or to its token endpoint, and to nothing else.",
    },
    Explained {
        code: "assertion_too_long",
        means: "The client's assertion is good for more than an hour. 401.",
        do_this: "Make one for every request, good for a minute.",
    },
    Explained {
        code: "assertion_id",
        means: "The client's assertion has an empty `jti`. 401.",
        do_this: "Give every assertion an id of its own.",
    },
    Explained {
        code: "assertion_used",
        means: "The client's assertion was used before. 401.",
        do_this: "Make a new one for every request.",
    },
    Explained {
        code: "id_taken",
        means: "There is a client of this id. 409.",
        do_this: "Choose another id, or change that client.",
    },
    Explained {
        code: "unknown_client",
        means: "There is no client of this id. 404.",
        do_this: "See `GET /admin/clients`.",
    },
    Explained {
        code: "another_method",
        means: "The client proves who it is in another way, and keeps to it. 409.",
        do_this: "Add another client, and delete this one when nobody uses it.",
    },
    Explained {
        code: "bad_client_id",
        means: "It cannot be a `client_id`. 400; the description says what can.",
        do_this: "Choose another.",
    },
    Explained {
        code: "bad_client_name",
        means: "It cannot be a client's name. 400; the description says what can.",
        do_this: "Choose another.",
    },
    Explained {
        code: "bad_scope",
        means: "It cannot be a scope: words of printable ASCII with a space between them. 400.",
        do_this: "Write it so.",
    },
    Explained {
        code: "bad_audience",
        means: "It cannot be an audience: that is one word. 400.",
        do_this: "Choose another.",
    },
    Explained {
        code: "too_many",
        means: "A client has more scopes, audiences, roles or keys than it may. 400.",
        do_this: "Give it fewer; two clients may do what one cannot.",
    },
    Explained {
        code: "public_client",
        means: "A client that cannot prove who it is was given what only one that can may have. 400.",
        do_this: "Give it a secret or keys, or less.",
    },
    Explained {
        code: "idle_client",
        means: "The client may do nothing. 400.",
        do_this: "Give it a grant type, or an audience that it serves.",
    },
    Explained {
        code: "bad_life",
        means: "A length of time is not within the bounds of the server's own. 400; the description says which.",
        do_this: "Choose one within them, or leave it out.",
    },
    Explained {
        code: "bad_algorithm",
        means: "The server signs no tokens with this algorithm. 400.",
        do_this: "Choose ES256, EdDSA or RS256.",
    },
    Explained {
        code: "no_key",
        means: "The client's key set holds no key for signatures. 400.",
        do_this: "Add the public key that it signs its assertions with.",
    },
    Explained {
        code: "private_key",
        means: "The client's key set holds a private key or a shared secret. 400.",
        do_this: "Give the public half only, and replace the key: it has been on its way through the network.",
    },
    Explained {
        code: "bad_key",
        means: "A key of the client's set cannot be used. 400; the description says why.",
        do_this: "Replace it.",
    },
];

pub(super) const REQUEST: &[Explained] = &[
    Explained {
        code: "not_json",
        means: "The body is not JSON. 400; the description has line and column.",
        do_this: "Send JSON.",
    },
    Explained {
        code: "wrong_shape",
        means: "The body is JSON of another shape than the route takes. 400; the description says where.",
        do_this: "Send the members that docs/reference/http.md lists.",
    },
    Explained {
        code: "body_too_large",
        means: "The body is larger than 16 KiB. 413.",
        do_this: "Send less; nothing here needs as much.",
    },
    Explained {
        code: "body_unreadable",
        means: "The body broke off. 400.",
        do_this: "Send it again.",
    },
    Explained {
        code: "wrong_content_type",
        means: "The body is declared as something the route does not take. 415.",
        do_this: "Send the `Content-Type` that the description names.",
    },
    Explained {
        code: "wrong_content_encoding",
        means: "The body is compressed, or said to be (`Content-Encoding`). 415.",
        do_this: "Send it as it is: it is small.",
    },
    Explained {
        code: "bad_path",
        means: "A part of the path is not percent-encoded UTF-8. 400.",
        do_this: "Encode it.",
    },
    Explained {
        code: "bad_query",
        means: "The query string has something that the route does not take, a parameter twice or out of \
                its range, or lacks one. 400.",
        do_this: "Send what the description of the refusal names: of a list `after` and `limit`, from 1 to \
                  1000. docs/reference/http.md has them all.",
    },
    Explained {
        code: "bad_cursor",
        means: "`after` names no entry of this list: it was never in it, or it has been over for so long \
                that it was removed. 400.",
        do_this: "Send the last entry of the page before, or begin anew without `after`.",
    },
    Explained {
        code: "https_only",
        means: "A request in plain HTTP came to a port that speaks HTTPS. 400.",
        do_this: "Write https:// in the address.",
    },
    Explained {
        code: "head_too_large",
        means: "The request has more headers, or larger ones, than are read: 100 and 32 KiB. 431; past twice \
                that without a body, for the rest is not read.",
        do_this: "Look for cookies or headers that a proxy or a browser adds to every request.",
    },
    Explained {
        code: "bad_host",
        means: "The request has no `Host` header (HTTP/1.1), several, or one that is no host. 400.",
        do_this: "Send one, with the host of the URL: every client library does. Look at the proxy \
                  in between.",
    },
    Explained {
        code: "too_busy",
        means: "As many requests as there may be are being answered, or wait for their bodies. 503, \
                with `Retry-After`.",
        do_this: "Ask again after that time. If it lasts, give the server more cores, or look for \
                  whom all of them come from.",
    },
    Explained {
        code: "too_many_connections",
        means: "The network the connection comes from has as many as one network may have. 503, with \
                `Retry-After`, and the connection ends.",
        do_this: "Keep connections and use them again. If many share an address, raise \
                  `--max-connections-per-network`; if a proxy has it, name the proxy with \
                  `--trusted-proxy`.",
    },
    Explained {
        code: "too_many_followers",
        means: "As many guards follow `GET /revocations` as may, over all or from one network. 503, \
                with `Retry-After`.",
        do_this: "Raise `--max-followers` or `--max-followers-per-network`, and `--max-connections` \
                  with them. Whoever accepts `application/json` as well, as guards do, is sent the whole \
                  set instead, and may ask again.",
    },
    Explained {
        code: "no_such_route",
        means: "There is nothing at this path. 404.",
        do_this: "See `/.well-known/openid-configuration` for where everything is.",
    },
    Explained {
        code: "wrong_method",
        means: "The path is right and the method is not. 405.",
        do_this: "Use one of the methods in the `Allow` header.",
    },
    Explained {
        code: "name_taken",
        means: "There is a user of this name. 409.",
        do_this: "Choose another name, or change that user.",
    },
    Explained {
        code: "unknown_user",
        means: "There is no user of this name. 404.",
        do_this: "See `GET /admin/users`.",
    },
    Explained {
        code: "bad_name",
        means: "It cannot be a user's name: that has 1 to 256 bytes and no spaces or control characters. 400.",
        do_this: "Choose another name.",
    },
    Explained {
        code: "bad_role",
        means: "It cannot be a role: that is not empty and has no spaces or control characters. 400.",
        do_this: "Choose another name for the role.",
    },
    Explained {
        code: "too_early",
        means: "The next signing key has not been published for long enough: some verifier may not \
                have it yet. 409.",
        do_this: "Rotate after the time the answer says. If the key has leaked, withdraw it: that does \
                  not wait.",
    },
    Explained {
        code: "contended",
        means: "Another process changed the keys at the same moment. 409.",
        do_this: "Look at the keys, and try again if it is still needed.",
    },
    Explained {
        code: "overloaded",
        means: "The server has more writes waiting than it can take on. 503 with `Retry-After`.",
        do_this: "Try again after the time in `Retry-After`.",
    },
    Explained {
        code: "storage_unavailable",
        means: "The server cannot reach its database. 503 with `Retry-After`.",
        do_this: "Try again; if it lasts, the server's log says why.",
    },
    Explained {
        code: "server_error",
        means: "The server failed. 500; only its log says why.",
        do_this: "Read the log, and tell us if it is our fault.",
    },
];
