import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import * as yaml from 'yaml';
import { CodedError } from '../std/coded-error.ts';
import { formatBlockYaml, parseBlockYaml } from './block-yaml.ts';
import {
  formatKubeconfig,
  type Kubeconfig,
  mergeContext,
  parseKubeconfig,
  readKubeconfig,
  resolveContext,
} from './kubeconfig.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function configOf(name: string, more: { cluster?: object; user?: object } = {}): Kubeconfig {
  return {
    clusters: [
      { name, cluster: { server: `https://${name}:6443`, 'certificate-authority-data': base64('CA'), ...more.cluster } },
    ],
    contexts: [{ name, context: { cluster: name, user: `${name}-user`, namespace: 'ns' } }],
    users: [{ name: `${name}-user`, user: { token: '07401b.f395accd246ae52d', ...more.user } }],
    'current-context': name,
  };
}

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'muster-kubeconfig-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

/** As kubectl config writes it, with one cluster by path. */
const KUBECTL = `apiVersion: v1
clusters:
- cluster:
    certificate-authority: ca.pem
    server: https://192.168.20.31:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubelet-bootstrap
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: kubelet-bootstrap
  user:
    token: 2e7c1f3b9a4d5e6f
`;

test("what kubectl writes is read, and paths start at the file's directory", async (t) => {
  const path = await directory(t);
  await writeFile(join(path, 'ca.pem'), 'the CA');
  await writeFile(join(path, 'config'), KUBECTL);
  const context = await resolveContext(await readKubeconfig(join(path, 'config')));
  assert.partialDeepStrictEqual(context, { server: 'https://192.168.20.31:6443', caPem: 'the CA', token: '2e7c1f3b9a4d5e6f' });
});

test('what kubectl writes comes back as it was', async () => {
  assert.equal(formatKubeconfig(await parseKubeconfig(KUBECTL, '/')), KUBECTL);
});

test('every form of YAML and JSON is read', async () => {
  const config = configOf('a');
  const forms = [
    JSON.stringify(config),
    yaml.stringify(config),
    formatKubeconfig(config),
    `# hi\n---\n${yaml.stringify(config)}`,
  ];
  forms.push(yaml.stringify(config, { collectionStyle: 'flow' }), formatKubeconfig(config).replaceAll('\n', '\r\n'));
  for (const text of forms) {
    const { server, caPem, token, namespace } = await resolveContext(await parseKubeconfig(text, '/'));
    assert.deepEqual([server, caPem, token, namespace], ['https://a:6443', 'CA', '07401b.f395accd246ae52d', 'ns'], text);
  }
});

test('fields that nobody here reads are kept', async () => {
  const text = KUBECTL.replace('preferences: {}', 'preferences:\n  colors: true').replace(
    '    server:',
    '    extensions: []\n    server:',
  );
  assert.equal(formatKubeconfig(await parseKubeconfig(text, '/')), text);
});

test('merging replaces what has the same name, keeps the rest, selects the new context and moves its paths', async () => {
  const old = {
    ...configOf('a'),
    users: [...configOf('a').users, { name: 'x', user: { tokenFile: 'rel' } }],
    origin: { directory: '/old' },
  };
  const added = { ...configOf('b', { user: { 'client-key': 'b.key' } }), origin: { directory: '/new' } };
  const merged = mergeContext(old, added);
  assert.deepEqual(
    merged.users.map(({ name, user }) => [name, user.tokenFile ?? user['client-key']]),
    [
      ['a-user', undefined],
      ['x', 'rel'],
      ['b-user', '/new/b.key'],
    ],
  );
  assert.equal(merged['current-context'], 'b');
  const again = mergeContext(merged, configOf('b', { cluster: { server: 'https://other' } }));
  assert.equal(again.clusters.length, 2);
  assert.equal(again.clusters.find(({ name }) => name === 'b')?.cluster.server, 'https://other');
  assert.equal(mergeContext(undefined, added), added);
});

test("a cluster's name may be empty, as in kubeadm's cluster-info", async () => {
  const { clusters, users } = await parseKubeconfig(
    'apiVersion: v1\nclusters:\n- cluster:\n    server: https://a:6443\n  name: ""\ncontexts: null\nusers: null\n',
    '/',
  );
  assert.deepEqual([clusters, users], [[{ cluster: { server: 'https://a:6443' }, name: '' }], []]);
});

for (const [what, text, message] of [
  ['a list', '- a', /kubeconfig f: is not a mapping/],
  ['another kind', 'kind: Pod', /kind: "Pod" is not "Config"/],
  ['clusters that are no list', 'clusters: {}', /clusters: is not a list/],
  ['a user without a name', 'users: [{user: {}}]', /users\[0\]\.name: is missing/],
  ['a name that stands twice', 'users: [{name: a}, {name: a}]', /users\[1\]\.name: "a" stands there twice/],
  [
    'data that is no base64',
    'users: [{name: a, user: {client-key-data: "se cr%t"}}]',
    /users\[0\] \("a"\)\.user\.client-key-data: is not base64/,
  ],
  ['a token that is a number', 'users: [{name: a, user: {token: 5}}]', /users\[0\] \("a"\)\.user\.token: is not a string/],
  ['broken YAML', 'a: [', /kubeconfig f: /],
  ['broken JSON', '{"a": ', /kubeconfig f: /],
  ['aliases', 'a: &x [1]\nb: *x', /kubeconfig f: /],
] as const) {
  test(`${what} is refused with the file and the field, without the value of secrets`, async () => {
    await assert.rejects(parseKubeconfig(text, '/', 'f'), (error: unknown) => {
      assert.ok(error instanceof CodedError, String(error));
      assert.equal(error.code, 'KUBECONFIG_MALFORMED');
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /cr%t/);
      return true;
    });
  });
}

for (const [what, config, message] of [
  ['no current context', { ...configOf('a'), 'current-context': '' }, /current-context: is not set/],
  ['a context that does not exist', { ...configOf('a'), 'current-context': 'b' }, /context "b" does not exist/],
  ['a cluster that does not exist', { ...configOf('a'), clusters: [] }, /cluster "a" of context "a" does not exist/],
  ['a user that does not exist', { ...configOf('a'), users: [] }, /user "a-user" of context "a" does not exist/],
  ['no server', configOf('a', { cluster: { server: '' } }), /cluster "a" server: is missing/],
  [
    'plain http',
    configOf('a', { cluster: { server: 'http://a' } }),
    /cluster "a" server: "http:\/\/a" does not begin with https/,
  ],
  [
    'a key alone',
    configOf('a', { user: { 'client-key-data': base64('k') } }),
    /user "a-user" client-certificate: is missing beside client-key/,
  ],
  [
    'a file that is missing',
    configOf('a', { user: { 'client-certificate': '/nowhere/c.pem', 'client-key-data': base64('k') } }),
    /unable to read user "a-user" client-certificate \/nowhere\/c\.pem: no such file/,
  ],
  ['a plugin', configOf('a', { user: { exec: { command: 'x' } } }), /user "a-user" exec: is not supported/],
  ['a proxy', configOf('a', { cluster: { 'proxy-url': 'http://p' } }), /cluster "a" proxy-url: is not supported/],
] as const) {
  test(`${what} is told with the field`, async () => {
    await assert.rejects(
      resolveContext({ ...(config as Kubeconfig), origin: { directory: '/', path: 'f' } }),
      (error: unknown) => {
        assert.ok(error instanceof CodedError, String(error));
        assert.match(error.message, /^kubeconfig f: /);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('a missing kubeconfig is told by its path', async () => {
  await assert.rejects(readKubeconfig('/nowhere/config'), {
    code: 'KUBECONFIG_UNREADABLE',
    message: 'kubeconfig /nowhere/config: no such file',
  });
});

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.constantFrom(
    'yes',
    'null',
    '1e5',
    '0x1f',
    '~',
    '',
    '-',
    '- a',
    'a: b',
    'a #b',
    '07401b.f395accd246ae52d',
    '12',
    '1.5',
    'https://[::1]:1',
    '{}',
    '"q"',
  ),
  fc.boolean(),
  fc.integer(),
  fc.constant(null),
);
const key = fc.oneof(fc.stringMatching(/^[a-z][a-z-]{0,8}$/), fc.constantFrom('yes', 'a b', '1', 'a:b'));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const document = fc.dictionary(key, tree, { minKeys: 1, maxKeys: 5, noNullPrototype: true });

test('what is written in plain blocks is the same to any YAML parser', () => {
  fc.assert(
    fc.property(document, (value) => {
      assert.deepEqual(yaml.parse(formatBlockYaml(value)), value);
    }),
    { numRuns: 500 },
  );
});

test('what the plain reader reads is what YAML means; the rest it leaves to the real parser', () => {
  const line = fc.tuple(
    fc.nat(3).map((n) => '  '.repeat(n)),
    fc.constantFrom('', '- ', '-', '-  ', '- - '),
    fc.constantFrom('a:', 'b:', 'name:', '"c":', 'yes:', 'a b:', ''),
    fc.constantFrom('', ' ', '  '),
    fc.constantFrom(
      '',
      'x',
      '1',
      'true',
      '~',
      'null',
      '"q"',
      "'q'",
      '{}',
      '[]',
      '[1]',
      'x # c',
      '#c',
      '|',
      '>',
      '&a',
      '*a',
      '!t',
      'a: b',
      '12:30',
      '1_0',
      '-1',
      '.5',
      '2020-01-01',
    ),
  );
  const plainLine = fc.tuple(
    fc.nat(2).map((n) => '  '.repeat(n)),
    fc.constantFrom('', '', '- '),
    fc.constantFrom('a:', 'b:', 'c:', 'd:', 'a: x', 'b: "q"', 'c: {}', 'x'),
  );
  const anyLine = fc.oneof({ arbitrary: plainLine, weight: 9 }, { arbitrary: line, weight: 1 }).map((parts) => parts.join(''));
  let plain = 0;
  fc.assert(
    fc.property(fc.array(anyLine, { minLength: 1, maxLength: 7 }), (lines) => {
      const text = lines.join('\n');
      const value = parseBlockYaml(text);
      if (value === undefined) return;
      plain++;
      assert.deepEqual(value, yaml.parse(text), JSON.stringify(text));
    }),
    { numRuns: 20_000 },
  );
  assert.ok(plain > 100, `${plain} texts were plain`);
});

test('whatever text is given for a kubeconfig, reading it ends in one or in a CodedError', async () => {
  const piece = fc.oneof(
    fc.constantFrom(...KUBECTL.split('\n').map((l) => `${l}\n`), '  ', '- ', '{', '}', '&a ', '*a'),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
      try {
        const config = await parseKubeconfig(pieces.join(''), '/');
        await resolveContext(config);
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('deep nesting and ten megabytes are refused, not followed', async () => {
  for (const text of ['['.repeat(100_000), '{"a":'.repeat(100_000), 'a'.repeat(10_000_000), '- '.repeat(100_000)]) {
    await assert.rejects(parseKubeconfig(text, '/'), { code: 'KUBECONFIG_MALFORMED' });
  }
});
