// Plays a single-page app in a real browser with two tabs. Every step that does not hold is an error.
//   node story.mjs CHROMIUM APP_FOLDER APP_PORT AUTH_SERVER USERNAME   (the password is in the environment)
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const [program, folder, port, server, username] = process.argv.slice(2);
const password = process.env.PASSWORD;
const app = `http://127.0.0.1:${port}`;
// The same program under another name: for the browser, another site.
const stranger = `http://localhost:${port}`;

const html = (await readFile(`${folder}/index.html`, 'utf8'))
  .replace('content="http://127.0.0.1:7800"', `content="${server}"`);
const site = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end(request.url === '/' ? html : '<!doctype html>');
});
await new Promise(ready => site.listen(Number(port), ready));

const browser = await chromium.launch({
  executablePath: program,
  args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const said = [];

async function tab(context, url) {
  const page = await context.newPage();
  page.on('pageerror', error => said.push(error.message));
  await page.goto(url);
  return page;
}

const step = async (name, work) => {
  await work();
  console.log(`held: ${name}`);
};

// What a page without any lock would do: whoever comes second must not be signed out.
const bareRefresh = page => page.evaluate(async url => {
  const response = await fetch(url, { method: 'POST', credentials: 'include' });
  return { status: response.status, text: await response.text() };
}, `${server}/refresh`);

try {
  const context = await browser.newContext();
  const one = await tab(context, app);

  await step('a wrong password is said, and keeps nobody signed in', async () => {
    await one.fill('[name=username]', username);
    await one.fill('[name=password]', 'not the password');
    await one.click('#signed-out button');
    await one.waitForFunction(() => document.querySelector('#problem').textContent !== '');
    assert.equal((await context.cookies(server)).length, 0);
  });

  await step('the right one signs in', async () => {
    await one.fill('[name=username]', username);
    await one.fill('[name=password]', password);
    await one.click('#signed-out button');
    await one.waitForSelector(`#who:text("${username}")`);
  });

  await step('no script can read the refresh token', async () => {
    const kept = await one.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]);
    assert.deepEqual(kept, ['', 0, 0]);
    const cookies = await context.cookies(server);
    const refresh = cookies.find(({ name }) => name === '__Host-countersign-refresh');
    assert.ok(refresh, 'the browser keeps it');
    assert.deepEqual(
      [refresh.httpOnly, refresh.secure, refresh.sameSite, refresh.path],
      [true, true, 'Strict', '/']);
  });

  const two = await tab(context, app);
  await step('a second tab is signed in without being asked', () =>
    two.waitForSelector(`#who:text("${username}")`));

  await step('so is a tab after a reload', async () => {
    await one.reload();
    await one.waitForSelector(`#who:text("${username}")`);
  });

  await step('two tabs that refresh at once, fifty times, are both answered', async () => {
    for (let round = 0; round < 50; round += 1) {
      const answers = await Promise.all([one, two, one, two].map(bareRefresh));
      for (const { status, text } of answers) {
        assert.equal(status, 200, text);
        assert.ok(!text.includes('csr_'), 'the refresh token stays in the cookie');
      }
    }
  });

  await step('and both can still call', async () => {
    for (const page of [one, two]) {
      await page.click('#call');
      await page.waitForFunction(
        name => document.querySelector('#answer').textContent.includes(`"${name}"`), username);
    }
  });

  await step('a page of another site can do nothing with the cookie', async () => {
    const evil = await tab(context, `${stranger}/evil`);
    const read = await evil.evaluate(url =>
      fetch(url, { method: 'POST', credentials: 'include' }).then(() => 'read', () => 'blocked'),
      `${server}/refresh`);
    assert.equal(read, 'blocked');
    await evil.evaluate(url =>
      fetch(url, { method: 'POST', credentials: 'include', mode: 'no-cors' }), `${server}/logout`);
    await evil.close();
    const alive = await bareRefresh(one);
    assert.equal(alive.status, 200, alive.text);
  });

  await step('signing out in one tab signs out the other, for good', async () => {
    await one.click('#leave');
    await two.waitForSelector('#signed-out:not([hidden])');
    await two.reload();
    await two.waitForSelector('#signed-out:not([hidden])');
    const over = await bareRefresh(two);
    assert.equal(over.status, 400, over.text);
  });

  assert.deepEqual(said, []);
} finally {
  await browser.close();
  site.close();
}
