// What the benches' providers share: oidc-provider as its documentation sets it up, for one API whose
// access tokens are JWTs signed with ES256.

import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

export const api = 'https://api.example.com';
export const apiScope = 'orders:read orders:write';

// A provider with these clients; `more` is what a bench adds, its features beside those of all.
export function provider(clients, { features, ...more }) {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return new Provider('http://127.0.0.1', {
    // Its only key is for ES256, also for ID tokens, of which there are none.
    clients: clients.map((client) => ({ ...client, id_token_signed_response_alg: 'ES256' })),
    jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256', kid: '2026-11-access' }] },
    cookies: { keys: ['a key for cookies that this bench never sets'] },
    features: {
      ...features,
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => api,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: apiScope,
          audience: api,
          accessTokenTTL: 600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    ...more,
  });
}

// Serves, and says so in one line: {"port": …} and what else there is to say.
export function serve(provider, said = {}) {
  const server = provider.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: server.address().port, ...said })}\n`);
  });
}
