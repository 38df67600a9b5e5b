// oidc-provider on better-sqlite3, as its documentation asks for an adapter: each call of a verb is
// a statement of its own, and so a commit of its own. A refresh consumes the old token and stores
// the new one: two commits. Access tokens are JWTs (ES256) and not stored, as ours.
//
// node refresh.mjs DATABASE TOKENS  ->  one line {"port": …, "tokens": […]}, then it serves.

import Database from 'better-sqlite3';
import { api, apiScope, provider, serve } from './oidc_provider.mjs';

const [, , file, count] = process.argv;
const db = new Database(file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`
  CREATE TABLE records (
    model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL,
    grant_id TEXT, uid TEXT, user_code TEXT, expires_at INTEGER, consumed_at INTEGER,
    PRIMARY KEY (model, id)
  ) WITHOUT ROWID;
  CREATE INDEX by_grant ON records (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX by_uid ON records (model, uid) WHERE uid IS NOT NULL;
  CREATE INDEX by_user_code ON records (model, user_code) WHERE user_code IS NOT NULL;
`);
const sql = {
  upsert: db.prepare(`INSERT OR REPLACE INTO records
    (model, id, payload, grant_id, uid, user_code, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`),
  find: db.prepare('SELECT payload, expires_at, consumed_at FROM records WHERE model = ? AND id = ?'),
  findByUid: db.prepare('SELECT payload, expires_at, consumed_at FROM records WHERE model = ? AND uid = ?'),
  findByUserCode: db.prepare('SELECT payload, expires_at, consumed_at FROM records WHERE model = ? AND user_code = ?'),
  consume: db.prepare('UPDATE records SET consumed_at = ? WHERE model = ? AND id = ?'),
  destroy: db.prepare('DELETE FROM records WHERE model = ? AND id = ?'),
  revoke: db.prepare('DELETE FROM records WHERE grant_id = ?'),
};

const seconds = () => Math.floor(Date.now() / 1000);

function loaded(row) {
  if (!row || (row.expires_at && row.expires_at < seconds())) return undefined;
  const payload = JSON.parse(row.payload);
  return row.consumed_at ? { ...payload, consumed: row.consumed_at } : payload;
}

class SqliteAdapter {
  constructor(model) { this.model = model; }
  async upsert(id, payload, expiresIn) {
    const until = expiresIn ? seconds() + expiresIn : null;
    sql.upsert.run(this.model, id, JSON.stringify(payload), payload.grantId ?? null,
      payload.uid ?? null, payload.userCode ?? null, until);
  }
  async find(id) { return loaded(sql.find.get(this.model, id)); }
  async findByUid(uid) { return loaded(sql.findByUid.get(this.model, uid)); }
  async findByUserCode(code) { return loaded(sql.findByUserCode.get(this.model, code)); }
  async consume(id) { sql.consume.run(seconds(), this.model, id); }
  async destroy(id) { sql.destroy.run(this.model, id); }
  async revokeByGrantId(grantId) { sql.revoke.run(grantId); }
}

const console = {
  client_id: 'web-console',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://app.example.com/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
};
const peer = provider([console], {
  adapter: SqliteAdapter,
  scopes: ['offline_access', ...apiScope.split(' ')],
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 600, Grant: 90 * 86400, RefreshToken: 30 * 86400 },
});

const client = await peer.Client.find('web-console');
const tokens = [];
for (let number = 0; number < Number(count); number += 1) {
  const accountId = `user-${number}`;
  const grant = new peer.Grant({ accountId, clientId: 'web-console' });
  grant.addOIDCScope('offline_access');
  grant.addResourceScope(api, apiScope);
  const grantId = await grant.save();
  const token = new peer.RefreshToken({
    accountId, client, grantId, resource: api, scope: `offline_access ${apiScope}`,
    gty: 'authorization_code', rotations: 0, iiat: seconds(), authTime: seconds(),
    expiresWithSession: false,
  });
  tokens.push(await token.save());
}
serve(peer, { tokens });
