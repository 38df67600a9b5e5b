// oauth4webapi and openid-client as anybody would use them, against a running server. Settings come
// in on standard input; what the libraries made of the server's answers goes out as JSON.

import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const settings = JSON.parse(await new Response(process.stdin).text())
const issuer = new URL(settings.issuer)
// The server of the test has no certificate; nothing else is relaxed.
const plain = { [oauth.allowInsecureRequests]: true }
const jwk = settings.signer_key
const signerKey = {
  key: await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
  kid: jwk.kid,
}

async function withOauth4webapi() {
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain })
  const server = await oauth.processDiscoveryResponse(issuer, found)
  const service = { client_id: settings.service.id }
  const secret = settings.service.secret
  const own = {}
  for (const [name, proof, client] of [
    ['basic', oauth.ClientSecretBasic(secret), service],
    ['post', oauth.ClientSecretPost(secret), service],
    ['signed', oauth.PrivateKeyJwt(signerKey), { client_id: settings.signer }],
  ]) {
    const asked = new URLSearchParams({ scope: 'read', resource: settings.audience })
    const answer = await oauth.clientCredentialsGrantRequest(server, client, proof, asked, plain)
    own[name] = await oauth.processClientCredentialsResponse(server, client, answer)
  }
  const proof = oauth.ClientSecretBasic(secret)
  const refreshed = await oauth.processRefreshTokenResponse(
    server,
    service,
    await oauth.refreshTokenGrantRequest(server, service, proof, settings.refresh_token, plain),
  )
  const page = { client_id: settings.page.id }
  const ofPage = await oauth.processRefreshTokenResponse(
    server,
    page,
    await oauth.refreshTokenGrantRequest(server, page, oauth.None(), settings.page.refresh_token, plain),
  )
  const introspect = async (token) =>
    oauth.processIntrospectionResponse(
      server,
      service,
      await oauth.introspectionRequest(server, service, proof, token, plain),
    )
  const verified = await oauth.validateJwtAccessToken(
    server,
    new Request(settings.audience, { headers: { authorization: `Bearer ${own.basic.access_token}` } }),
    settings.audience,
    plain,
  )
  const before = await introspect(refreshed.access_token)
  for (const token of [own.basic.access_token, refreshed.refresh_token]) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, service, proof, token, plain))
  }
  const after = [await introspect(own.basic.access_token), await introspect(refreshed.access_token)]
  const wrong = oauth.ClientSecretBasic('csc_wrong')
  const refusal = await oauth
    .clientCredentialsGrantRequest(server, service, wrong, new URLSearchParams(), plain)
    .then((answer) => oauth.processClientCredentialsResponse(server, service, answer))
    .catch((error) => error)
  return {
    scope: own.basic.scope,
    ways: Object.keys(own),
    page: ofPage.token_type,
    verified: verified.sub,
    before: [before.active, before.username],
    after: after.map((token) => token.active),
    // A 401 is a challenge to this library: it reads the scheme.
    refusal: [refusal.status, refusal.cause?.[0]?.scheme],
  }
}

async function withOpenidClient() {
  const results = {}
  const execute = [openid.allowInsecureRequests]
  for (const [algorithm, id, proof] of [
    ['oidc', settings.service.id, openid.ClientSecretPost(settings.service.secret)],
    ['oauth2', settings.signer, openid.PrivateKeyJwt(signerKey)],
  ]) {
    const config = await openid.discovery(issuer, id, undefined, proof, { algorithm, execute })
    const token = await openid.clientCredentialsGrant(config, { scope: 'read' })
    const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
    const options = { issuer: settings.issuer, typ: 'at+jwt', audience: settings.audience }
    const { payload } = await jwtVerify(token.access_token, keys, options)
    const before = await openid.tokenIntrospection(config, token.access_token)
    await openid.tokenRevocation(config, token.access_token)
    const after = await openid.tokenIntrospection(config, token.access_token)
    results[algorithm] = { sub: payload.sub, before: before.active, after: after.active }
  }
  const secret = openid.ClientSecretPost(settings.service.secret)
  const config = await openid.discovery(issuer, settings.service.id, undefined, secret, { execute })
  const pair = await openid.refreshTokenGrant(config, settings.other_refresh_token, { scope: 'read' })
  const refusal = await openid
    .clientCredentialsGrant(config, { scope: 'everything' })
    .catch((error) => [error.status, error.error])
  return { ...results, refreshed: pair.scope, refusal }
}

console.log(JSON.stringify({ oauth4webapi: await withOauth4webapi(), openid: await withOpenidClient() }))
