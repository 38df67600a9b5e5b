// oidc-provider as its documentation begins: its own adapter, which keeps everything in memory. An
// access token that is a JWT (ES256) is not stored at all, so nothing here waits for a disk.
//
// node client_credentials.mjs SECRET  ->  one line {"port": …}, then it serves.

import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [, , secret] = process.argv;
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const api = 'https://api.example.com';
const provider = new Provider('http://127.0.0.1', {
  clients: [{
    client_id: 'reports',
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [],
    grant_types: ['client_credentials'],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
    scope: 'orders:read orders:write',
  }],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256', kid: '2026-11-access' }] },
  cookies: { keys: ['a key for cookies that this bench never sets'] },
  scopes: ['orders:read', 'orders:write'],
  ttl: { ClientCredentials: 600 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      getResourceServerInfo: () => ({
        scope: 'orders:read orders:write',
        audience: api,
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

const server = provider.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
