import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Secret } from '../../api/gen/types.ts';
import { defaultPullPolicy, parseImageName, withDefaultTag } from './image-name.ts';
import { secretCredentials } from './pull-credentials.ts';
import { matchesRegistry, RegistryIndex } from './registry-match.ts';

const HEX = 'a'.repeat(64);

test('names of images are completed as Docker completes them', () => {
  const names: readonly [string, object][] = [
    ['nginx', { repository: 'docker.io/library/nginx' }],
    ['nginx:1.27', { repository: 'docker.io/library/nginx', tag: '1.27' }],
    ['team/app', { repository: 'docker.io/team/app' }],
    ['index.docker.io/app', { repository: 'docker.io/library/app' }],
    ['localhost/app', { repository: 'localhost/app' }],
    ['host:5000/a/b__c-d:T_1', { repository: 'host:5000/a/b__c-d', tag: 'T_1' }],
    ['UPPER/app', { repository: 'UPPER/app' }],
    [`example.com/app@sha256:${HEX}`, { repository: 'example.com/app', digest: `sha256:${HEX}` }],
    [`app:v1@sha256:${HEX}`, { repository: 'docker.io/library/app', tag: 'v1', digest: `sha256:${HEX}` }],
    ['[::1]:5000/app', { repository: '[::1]:5000/app' }],
  ];
  for (const [text, name] of names) assert.deepEqual(parseImageName(text), name, text);
});

test('what is no name is refused in Docker’s words', () => {
  const wrong: readonly [string, RegExp][] = [
    ['', /^invalid reference format$/],
    ['App', /^invalid reference format: repository name \(library\/App\) must be lowercase$/],
    ['app:', /^invalid reference format$/],
    ['app:-x', /^invalid reference format$/],
    ['a//b', /^invalid reference format$/],
    ['-host.com/a', /^invalid reference format$/],
    ['a b', /^invalid reference format$/],
    ['a@b@c', /^invalid reference format$/],
    [HEX, /cannot specify 64-byte hexadecimal strings/],
    [`a@sha256:${'a'.repeat(32)}`, /invalid checksum digest length/],
    [`a@md5:${'a'.repeat(32)}`, /unsupported digest algorithm/],
    [`a@__proto__:${'a'.repeat(32)}`, /^invalid reference format$/],
    ['a'.repeat(300), /must not be more than 255 characters/],
  ];
  for (const [text, message] of wrong) assert.throws(() => parseImageName(text), { message }, text);
});

test('parsing ends for every text, quickly, and what is parsed is stable', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z0-9._:/@-]{0,80}$/), (text) => {
      let parsed: ReturnType<typeof parseImageName>;
      try {
        parsed = parseImageName(text);
      } catch (error) {
        assert.ok((error as Error).message.length > 0);
        return;
      }
      const { repository, tag, digest } = parsed;
      assert.deepEqual(parseImageName(`${repository}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`), parsed);
    }),
  );
  assert.throws(() => parseImageName(`${'a-'.repeat(2000)}/`), /invalid reference format/);
});

test('latest is meant, and pulled always, where nothing else is said', () => {
  assert.equal(withDefaultTag('busybox'), 'busybox:latest');
  assert.equal(withDefaultTag('busybox:1'), 'busybox:1');
  assert.equal(withDefaultTag(`busybox@sha256:${HEX}`), `busybox@sha256:${HEX}`);
  assert.equal(defaultPullPolicy('busybox'), 'Always');
  assert.equal(defaultPullPolicy('busybox:latest'), 'Always');
  assert.equal(defaultPullPolicy('busybox:1'), 'IfNotPresent');
  assert.equal(defaultPullPolicy(`busybox@sha256:${HEX}`), 'IfNotPresent');
});

test('a registry is matched part by part, with its port and the beginning of the path', () => {
  const cases: readonly [string, string, boolean][] = [
    ['example.com', 'example.com/app', true],
    ['*.example.com', 'a.example.com/app', true],
    ['*.example.com', 'example.com/app', false],
    ['*.example.com', 'a.b.example.com/app', false],
    ['*.*.example.com', 'a.b.example.com/app', true],
    ['prefix-*.com', 'prefix-x.com/app', true],
    ['h?st.com', 'host.com/app', true],
    ['h[a-o]st.com', 'host.com/app', true],
    ['h[^a-n]st.com', 'host.com/app', true],
    ['h[', 'h[/app', false],
    ['example.com:5000', 'example.com:5000/app', true],
    ['example.com:5000', 'example.com/app', false],
    ['example.com/team', 'example.com/team/app', true],
    ['example.com/team', 'example.com/other', false],
    ['*', 'localhost/app', true],
  ];
  for (const [pattern, repository, matches] of cases)
    assert.equal(matchesRegistry(pattern, repository), matches, `${pattern} ${repository}`);
});

test('stars that stand in each other’s way do not hold anybody up', () => {
  assert.equal(matchesRegistry(`${'*a'.repeat(200)}b`, `${'a'.repeat(600)}/app`), false);
});

test('globs agree with what they mean', () => {
  const piece = fc.constantFrom('a', 'b', '*', '?');
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.stringMatching(/^[ab]{1,8}$/), (pattern, text) => {
      const source = pattern.map((one) => (one === '*' ? '[^]*' : one === '?' ? '[^]' : one)).join('');
      assert.equal(matchesRegistry(pattern.join(''), text), new RegExp(`^${source}$`).test(text));
    }),
  );
});

test('the more a location says, the sooner its credentials are tried', () => {
  const index = new RegistryIndex<string>();
  for (const [location, entry] of Object.entries({
    'example.com': 'host',
    'https://example.com/team/app': 'path',
    'https://example.com/v1/': 'v1',
    'https://index.docker.io/v1/': 'hub',
    '': 'nothing',
  }))
    index.add(location, entry);
  assert.deepEqual(index.find('example.com/team/app'), ['path', 'host', 'v1']);
  assert.deepEqual(index.find('docker.io/library/nginx'), ['hub']);
  assert.deepEqual(index.find('other.com/app'), []);
});

test('an index finds what matches, and nothing else', () => {
  const text = (characters: string) =>
    fc.array(fc.constantFrom(...characters), { minLength: 1, maxLength: 6 }).map((all) => all.join(''));
  fc.assert(
    fc.property(text('ab.:1/*?[]\\'), text('ab.:1/'), (location, repository) => {
      const index = new RegistryIndex<string>();
      index.add(location, 'found');
      // What `add` makes of a location is not asked here.
      if (/^https?:|\/v[12]\/|\/$/.test(location)) return;
      assert.equal(index.find(repository).length > 0, matchesRegistry(location, repository), `${location} ${repository}`);
    }),
    { numRuns: 2000 },
  );
});

const base64 = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');

function secret(content: unknown, type = 'kubernetes.io/dockerconfigjson', key = '.dockerconfigjson'): V1Secret {
  return { metadata: { name: 's', namespace: 'n', uid: 'u' }, type, data: { [key]: base64(content) } };
}

test('both kinds of pull secrets are read, by user and password or by both in one', async () => {
  const config = secret({
    auths: { 'example.com': { auth: base64('me:pa:ss') }, 'other.com': { username: 'a', password: 'b' } },
  });
  const old = secret({ 'example.com': { username: 'old', password: 'p' } }, 'kubernetes.io/dockercfg', '.dockercfg');
  const found = await secretCredentials([config, old, { type: 'Opaque', data: { '.dockercfg': 'x' } }], 'example.com/app');
  assert.deepEqual(
    found.map(({ credentials }) => credentials),
    [
      { username: 'me', password: 'pa:ss' },
      { username: 'old', password: 'p' },
    ],
  );
  assert.deepEqual(found[0]!.secret, { uid: 'u', namespace: 'n', name: 's' });
  assert.notEqual(found[0]!.hash, found[1]!.hash);
});

test('a secret as large as secrets may be is read', async () => {
  const auths: Record<string, object> = { 'wanted.test': { username: 'u', password: 'p' } };
  const entry = { auth: Buffer.from(`user:${'x'.repeat(1000)}`).toString('base64') };
  for (let i = 0; i < 740; i++) auths[`registry-${i}.test`] = entry;
  const text = JSON.stringify({ auths });
  assert.ok(text.length > 1_000_000 && text.length <= 1 << 20, `${text.length} bytes`);
  const data = { '.dockerconfigjson': Buffer.from(text).toString('base64') };
  const found = await secretCredentials([{ type: 'kubernetes.io/dockerconfigjson', data }], 'wanted.test/app');
  assert.deepEqual(
    found.map(({ credentials }) => credentials.username),
    ['u'],
  );
});

test('a secret that cannot be read is named, and nothing of it shown', async () => {
  for (const content of [
    '{"auths":{"x":{"password":"hunter2"',
    { auths: { x: 'hunter2' } },
    { auths: { x: { auth: base64('hunter2') } } },
    { auths: { x: { username: { toString: 1 }, password: 'hunter2' } } },
  ])
    await assert.rejects(secretCredentials([secret(content)], 'x/y'), (error: Error) => {
      assert.equal(error.message, 'secret n/s does not hold credentials of registries');
      return true;
    });
  const empty = [secret('null'), secret({ auths: null }), secret({}), secret({ auths: { x: { identitytoken: 't' } } })];
  assert.deepEqual(await secretCredentials(empty, 'x/y'), []);
});

test('while many entries are read others have their turns', async () => {
  const entry = { auth: base64('u:p') };
  const auths = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`registry-${i}.test`, entry]));
  let turns = 0;
  const count = () => {
    turns++;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  await secretCredentials([secret({ auths }), secret({ auths })], 'wanted.test/app');
  clearImmediate(counting);
  assert.ok(turns >= 8, `${turns} turns`);
});
