//! What can be wrong with a token, and what a guard refuses.

use super::Explained;

pub(super) const TOKEN: &[Explained] = &[
    Explained {
        code: "too_large",
        means: "The token is longer than the verifier looks at (16 KiB unless set), or its header is \
                longer than 2 KiB.",
        do_this: "Put less into the token: roles and ids, not whole objects. Most proxies would not \
                  pass a header of this size anyway.",
    },
    Explained {
        code: "malformed",
        means: "It is not a token: not three parts of strict base64url with strict JSON objects in \
                the first two. Padding, stray bits, repeated names and a cut end count as well.",
        do_this: "Look at what is sent (`countersign jwt inspect`). Usual causes: a token cut off when \
                  it was copied, quotes around it, a refresh token (`csr_…`) in its place.",
    },
    Explained {
        code: "unsupported_header",
        means: "The header asks for something that is not done here: a critical extension (`crit`), or \
                a payload that is not base64url (`b64: false`).",
        do_this: "Have the issuer make plain JWTs. Ignoring `crit` would be a hole, so there is no \
                  setting for it.",
    },
    Explained {
        code: "unsupported_algorithm",
        means: "The algorithm is unknown (`none` among them), not one of those accepted, or not the \
                one that the key is bound to.",
        do_this: "Make tokens with the algorithm of the key. If this comes with a token you did not \
                  make, somebody tries an algorithm-confusion attack: it failed.",
    },
    Explained {
        code: "unknown_key",
        means: "No key in the verifier's set fits the token's `kid` and algorithm, or several do. From \
                `/admin/keys`: there is no signing key with this id.",
        do_this: "A new key: wait a moment, guards fetch it by themselves. Else the token is of \
                  another issuer or another installation, or its key is gone: get a new token.",
    },
    Explained {
        code: "bad_signature",
        means: "The signature does not hold: the token was changed, or another key signed it.",
        do_this: "Get a new token. If all tokens fail like this, the verifier has another secret or \
                  another installation's keys.",
    },
    Explained {
        code: "wrong_type",
        means: "`typ` in the header says that it is another kind of token. Access tokens have \
                `at+jwt` (RFC 9068); an ID token is no access token.",
        do_this: "Send the access token. For an issuer that writes `JWT` into its access tokens, set \
                  the guard's `typ`.",
    },
    Explained {
        code: "expired",
        means: "`exp` has passed, leeway included.",
        do_this: "Renew: `POST /refresh`, or sign in again. If it is new, one of the clocks is wrong.",
    },
    Explained {
        code: "not_yet_valid",
        means: "`nbf` (or `iat`, where it is checked) lies ahead.",
        do_this: "Set the clocks of issuer and verifier: one of them is off by more than the leeway.",
    },
    Explained {
        code: "missing_claim",
        means: "A claim that the rules require is absent, or one that the claims type of the guard asks for.",
        do_this: "Have the issuer add it. If `exp` is what is missing, the token would be good for ever. If \
                  it is `jti`, `client_id` or `iat` and the issuer another one than Countersign: read the \
                  claims into `AnyClaims` (a guard in Rust), which the sidecar does by itself.",
    },
    Explained {
        code: "wrong_issuer",
        means: "`iss` is not an issuer that is trusted with this key. It is compared byte by byte: a \
                slash at the end counts, and so does `http` for `https`.",
        do_this: "Give the verifier exactly the issuer that stands in `iss`, if that is the one you trust.",
    },
    Explained {
        code: "wrong_audience",
        means: "`aud` does not name this API: the token is meant for others.",
        do_this: "Ask for a token with this API's audience (`audience` at sign-in), or give the \
                  verifier the audience its tokens have.",
    },
    Explained {
        code: "bad_claim",
        means: "A claim has another type or range than it must (a date that is no number of seconds), \
                or the claims do not fit the type the application reads them into. Or the claim that a \
                guard was told to read roles or scope from stands in the token twice, by its whole name and \
                along the dots in it, with different values.",
        do_this: "Look at it with `countersign jwt inspect`, and have the issuer write it as RFC 7519 says. A \
                  guard in Rust that is to take `scope` as an array, or `roles` as one text, reads the \
                  claims into `AnyClaims`; the sidecar does so by itself. Of two claims that \
                  `--roles-claim` or `--scope-claim` can mean, the issuer must write one only.",
    },
    Explained {
        code: "too_old",
        means: "`iat` lies further back than the verifier allows.",
        do_this: "Get a new token.",
    },
    Explained {
        code: "lifetime_too_long",
        means: "There is more time between `iat` and `exp` than the verifier allows, or than the \
                issuer announces for its own tokens.",
        do_this: "Get a new token. If it is the issuer's own and new, the issuer's maximum was raised: \
                  guards hear of it by themselves, in ten seconds at most.",
    },
    Explained {
        code: "insufficient_scope",
        means: "The token is good but its `scope` lacks a word that this route requires.",
        do_this: "Ask for a token with that scope; the challenge names it. If the token has it in another \
                  claim than `scope` or `scp`, tell the guard which one (`--scope-claim`, `scope_claim`).",
    },
];

pub(super) const GUARD: &[Explained] = &[
    Explained {
        code: "missing_token",
        means: "There is no token in the request. 401 with a challenge that names no error (RFC 6750 §3.1).",
        do_this: "Send `Authorization: Bearer <access token>`. A token in the query string or the body \
                  is not looked for.",
    },
    Explained {
        code: "malformed_request",
        means: "The `Authorization` header is there, but is not `Bearer` and one token. 400 `invalid_request`.",
        do_this: "Send exactly one token after `Bearer` and one space.",
    },
    Explained {
        code: "repeated_token",
        means: "There are two tokens, or two `Authorization` headers: which one counts cannot be \
                guessed. 400 `invalid_request`.",
        do_this: "Send one. Look for a proxy that adds a header of its own.",
    },
    Explained {
        code: "revoked",
        means: "The token was good, but it, its session, its user, its client or its key was taken \
                back: by signing out, a password change, an administrator, or because a refresh \
                token was used twice. 401 `invalid_token`.",
        do_this: "Sign in again; a client asks for a new one, and gets it unless it is disabled. \
                  `countersign audit` on the server says who or what ended it; `countersign jwt explain` \
                  says when.",
    },
    Explained {
        code: "missing_role",
        means: "The caller has none of the roles this route asks for. 403 `insufficient_scope`.",
        do_this: "Have an administrator grant the role, and get a new token: roles are written into it. If \
                  the token has them in another claim than `roles`, tell the guard which one \
                  (`--roles-claim`, `roles_claim`).",
    },
    Explained {
        code: "denied",
        means: "The application's own requirement is not met. 403 `insufficient_scope`.",
        do_this: "The description names the requirement; what it asks is the application's to say.",
    },
    Explained {
        code: "cross_site",
        means: "The token came in a cookie, on a request that another site may have started. 403 `access_denied`.",
        do_this: "Call from one of the origins the guard was given (the server: `--browser-origin`), or \
                  send the token in the header.",
    },
    Explained {
        code: "ambiguous_request",
        means: "A guard in front of a proxy's back end got a path or method that can be read in more \
                than one way, and so might fall under another rule than the back end's; or a header \
                such as `X-Auth_Roles`, which some back ends take for the guard's own, or \
                `X-HTTP-Method-Override`, which they obey. 403 `access_denied`.",
        do_this: "Send a path without dot segments, doubled or encoded slashes and `;`, the method in \
                  capitals, and no header that is an identity header but for its punctuation, nor one \
                  that names another path or method (`X-Original-URL`, `X-Rewrite-URL`, \
                  `X-HTTP-Method-Override`, `X-HTTP-Method`, `X-Method-Override`).",
    },
    Explained {
        code: "closed",
        means: "The guard's rules let nobody make this request. 403 `access_denied`.",
        do_this: "If somebody should, add a rule for this path and method to the guard's settings.",
    },
    Explained {
        code: "not_forwarded",
        means: "The proxy asked the guard without saying which request it is about. 500 `server_error`.",
        do_this: "Set the proxy up as its page in docs/guides shows: it must pass method and path on, once each.",
    },
    Explained {
        code: "legacy_ended",
        means: "It is a token of the old, shared-secret kind, and the date until which those were \
                accepted is over. 401 `invalid_token`.",
        do_this: "Sign in at the new server.",
    },
    Explained {
        code: "keys_too_old",
        means: "The guard could not renew the issuer's keys for so long (24 hours unless set) that it \
                does not trust them any more. 503.",
        do_this: "See why the guard does not reach the issuer; its log says so.",
    },
    Explained {
        code: "revocations_too_old",
        means: "The guard was told to refuse when its news of revocations are too old, and they are. 503.",
        do_this: "See why the guard does not reach the issuer. Whether to refuse or to serve meanwhile \
                  is the guard's setting `stale`.",
    },
];
