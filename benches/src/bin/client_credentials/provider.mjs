// oidc-provider as its documentation begins: its own adapter, which keeps everything in memory. An
// access token that is a JWT (ES256) is not stored at all, so nothing here waits for a disk.
//
// node client_credentials.mjs SECRET  ->  one line {"port": …}, then it serves.

import { apiScope, provider, serve } from './oidc_provider.mjs';

const [, , secret] = process.argv;
const service = {
  client_id: 'reports',
  client_secret: secret,
  token_endpoint_auth_method: 'client_secret_basic',
  redirect_uris: [],
  grant_types: ['client_credentials'],
  response_types: [],
  scope: apiScope,
};
serve(provider([service], {
  scopes: apiScope.split(' '),
  ttl: { ClientCredentials: 600 },
  features: { clientCredentials: { enabled: true } },
}));
