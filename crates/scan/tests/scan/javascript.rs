use countersign_scan::Language;

use crate::expect::expect;

#[track_caller]
fn javascript(sample: &str) {
    expect(Language::JavaScript, sample);
}

#[test]
fn the_express_tutorial() {
    javascript(
        r#"
const express = require('express');
const jwt = require("jsonwebtoken")
const app = express()

const SECRET = 'shhhhh' // ~ hardcoded-secret

app.post('/login', (req, res) => {
  const token = jwt.sign({ id: req.body.id }, SECRET) // ~ no-expiry
  res.json({ token })
})

app.get('/me', (req, res) => {
  const [, token] = req.headers.authorization.split(' ')
  try {
    const user = jwt.verify(token, SECRET) // ~ no-algorithms
    res.json(user)
  } catch (err) {
    res.sendStatus(401)
  }
})
"#,
    );
}

#[test]
fn secrets_in_every_disguise() {
    javascript(
        r#"
import jwt, { sign as make } from 'jsonwebtoken';
import { jwtVerify, SignJWT } from "jose";
import * as config from './config';

const life = { expiresIn: '1h' };
const settings = { port: 80, jwtSecret: 'object-secret' }; // ~ hardcoded-secret
const key = new TextEncoder().encode('jose-secret'); // ~ hardcoded-secret

make({ a: 1 }, 'literal', life); // ~ hardcoded-secret
jwt.sign({ a: 1 }, process.env.SECRET || 'fallback', life); // ~ hardcoded-secret
jwt.sign({ a: 1 }, process.env.SECRET ?? `backquoted`, life); // ~ hardcoded-secret
jwt.sign({ a: 1 }, (process.env["SECRET"] || "as cast") as string, life); // ~ hardcoded-secret
jwt.sign({ a: 1 }, Buffer.from('c2VjcmV0', 'base64'), life); // ~ hardcoded-secret
jwt.sign({ a: 1 }, settings.jwtSecret, life);
jwt.sign({ a: 1 }, this.configService.get('JWT_SECRET') || 'nest', life); // ~ hardcoded-secret
await jwtVerify(token, key);
await new SignJWT({ a: 1 }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('2h').sign(key);

export class TokenService {
  private readonly secret: string = 'field-secret'; // ~ hardcoded-secret
  make() { return jwt.sign({ a: 1 }, this.secret, life); }
}
const header = `Bearer ${jwt.sign({ a: 1 }, 'in a template', life)}`; // ~ hardcoded-secret
"#,
    );
}

#[test]
fn what_is_no_secret_in_the_code() {
    javascript(
        r#"
import jwt from 'jsonwebtoken';
import fs from 'fs';
import crypto from 'crypto';
const { JWT_SECRET } = process.env;
const secret = process.env.JWT_SECRET as string;
const SECRET = process.env.JWT_SECRET || crypto.randomBytes(32).toString('hex');
const life = { expiresIn: '1h' };

function make(secret: string, other = 'default of another') {
  jwt.sign({ a: 1 }, secret, life);
}
jwt.sign({ a: 1 }, secret!, life);
jwt.sign({ a: 1 }, SECRET, life);
jwt.sign({ a: 1 }, JWT_SECRET, life);
jwt.sign({ a: 1 }, process.env.JWT_SECRET!, life);
jwt.sign({ a: 1 }, config.jwt.secret, life);
jwt.sign({ a: 1 }, config.get('jwt.secret'), life);
jwt.sign({ a: 1 }, fs.readFileSync('private.pem'), { ...life, algorithm: 'RS256' });
jwt.sign({ a: 1 }, { key: privateKey, passphrase: '' }, life);
jwt.sign({ a: 1 }, `${salt}-${pepper}`, life);
jwt.sign({ a: 1 }, 'pre' + salt, life);
jwt.sign({ a: 1 }, isTest ? 'test' : secret, life);
// jwt.sign({ a: 1 }, 'in a comment')
const text = "jwt.sign({ a: 1 }, 'in a text')";
"#,
    );
}

#[test]
fn tokens_for_ever() {
    javascript(
        r"
const { sign } = require('jsonwebtoken');
const jose = require('jose');

sign({ id: 1 }, key); // ~ no-expiry
sign({ id: 1 }, key, { algorithm: 'HS256' }); // ~ no-expiry
sign({ id: 1 }, key, (err, token) => done(token)); // ~ no-expiry
sign({ id: 1 }, key, { expiresIn: 60 });
sign({ id: 1, exp: soon }, key);
sign({ ...user }, key);
sign(user, key);
sign(user.toJSON(), key);
sign({ id: 1 }, key, options);
sign({ id: 1 }, key, { ...options });

function named(user) {
  const payload = { id: user.id };
  return sign(payload, key); // ~ no-expiry
}
function later(user) {
  const payload = { id: user.id };
  payload.exp = soon();
  return sign(payload, key);
}
async function withJose(id) {
  await new jose.SignJWT({ id }).setProtectedHeader({ alg }).setIssuedAt().sign(key); // ~ no-expiry
  await new jose.SignJWT({ id }).setExpirationTime('5m').sign(key);
  await new jose.SignJWT({ id, exp }).sign(key);
  await new jose.SignJWT(claims).sign(key);
}
",
    );
}

#[test]
fn checks_that_are_off() {
    javascript(
        r"
import jwt from 'jsonwebtoken';
import { decodeJwt, jwtVerify } from 'jose';

export function requireUser(req, res, next) {
  const user = jwt.decode(req.token); // ~ unverified-decode
  if (!user) return res.sendStatus(401);
  req.user = user;
  next();
}
function forTheKey(token) {
  const { header } = jwt.decode(token, { complete: true });
  return keys[header.kid];
}
function both(token) {
  const tenant = jwt.decode(token).tenant;
  return jwt.verify(token, keys[tenant], { algorithms: ['RS256'] });
}
function session(token) { return decodeJwt(token); } // ~ unverified-decode

jwt.verify(token, key, { algorithms: ['HS256'], ignoreExpiration: true }); // ~ expiry-check-off
jwt.verify(token, key, { algorithms: ['HS256'], ignoreExpiration: false });
",
    );
}

#[test]
fn algorithms() {
    javascript(
        r"
import * as jwt from 'jsonwebtoken';
jwt.verify<Payload>(token, key); // ~ no-algorithms
jwt.verify(token, key, (err, user) => {}); // ~ no-algorithms
jwt.verify(token, key, { issuer: 'me' }); // ~ no-algorithms
jwt.verify(token, key, options);
jwt.verify(token, key, { algorithms: ['RS256'] });
jwt.verify(token, key, { algorithms: ['HS256', 'RS256'] }); // ~ algorithms-mixed
jwt.verify(token, key, { algorithms: ['none'] }); // ~ algorithm-none
jwt.sign({ exp }, null, { algorithm: 'none' }); // ~ algorithm-none
const decoded = jwt.decode(token, { complete: true }); // of the header
jwt.verify(token, key, { algorithms: [decoded.header.alg] }); // ~ algorithm-from-token
jwt.verify(token, jwk.pem, { algorithms: [jwk.alg] });
",
    );
}

#[test]
fn fast_jwt() {
    javascript(
        r"
import { createSigner, createVerifier, createDecoder } from 'fast-jwt';
const sign = createSigner({ key: 'secret' }); // ~ hardcoded-secret no-expiry
const sign2 = createSigner({ key: process.env.KEY, expiresIn: '10m' });
const verify = createVerifier({ key: async () => key }); // ~ no-algorithms
const verify2 = createVerifier({ key: 'secret', algorithms: ['HS256'] }); // ~ hardcoded-secret
const verify3 = createVerifier({ key, algorithms: ['HS256', 'ES256'] }); // ~ algorithms-mixed
const verify4 = createVerifier({ key, algorithms: ['ES256'], ignoreExpiration: true }); // ~ expiry-check-off
",
    );
    javascript(
        "import { createDecoder } from 'fast-jwt';\nconst decode = createDecoder(); // ~ unverified-decode",
    );
}

#[test]
fn frameworks() {
    javascript(
        r"
import { JwtModule } from '@nestjs/jwt';
import { Strategy, ExtractJwt } from 'passport-jwt';

const jwtConstants = {
  secret: 'DO NOT USE THIS VALUE', // ~ hardcoded-secret
};
@Module({
  imports: [
    JwtModule.register({ secret: jwtConstants.secret, signOptions: { expiresIn: '60s' } }),
    JwtModule.register({ secret: process.env.JWT_SECRET }),
  ],
})
export class AuthModule extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      ignoreExpiration: true, // ~ expiry-check-off
      secretOrKey: 'written down', // ~ hardcoded-secret
    });
  }
}
",
    );
}

#[test]
fn other_modules_are_none_of_ours() {
    javascript(
        r"
import jwt from './jwt';
import { sign } from 'cookie-signature';
import { verify } from 'argon2';
jwt.sign({ id: 1 }, 'secret');
sign('value', 'secret');
verify(hash, 'secret');
jwt.decode(token);
",
    );
}
