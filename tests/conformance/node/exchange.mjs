// Signs and verifies with jose what the test hands over on stdin, and answers as JSON on stdout.
import { SignJWT, importJWK, jwtVerify } from 'jose';

const issuer = 'https://login.example';
const audience = 'https://api.example';

async function answer({ task, alg, jwk, claims, token }) {
  const key = await importJWK(jwk, alg);
  if (task === 'sign') {
    return new SignJWT(claims).setProtectedHeader({ alg, typ: 'JWT' }).sign(key);
  }
  const { payload } = await jwtVerify(token, key, { algorithms: [alg], issuer, audience });
  return payload;
}

let text = '';
for await (const part of process.stdin) text += part;
const answers = [];
for (const question of JSON.parse(text)) {
  try {
    answers.push({ ok: await answer(question) });
  } catch (error) {
    answers.push({ refused: `${error.code ?? error.name}: ${error.message}` });
  }
}
process.stdout.write(JSON.stringify(answers));
