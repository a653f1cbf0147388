import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../std/coded-error.ts';
import { type Kubeconfig, parseKubeconfig, resolveContext } from './kubeconfig.ts';

const V1 = 'client.authentication.k8s.io/v1';

const configOf = (user: Record<string, unknown>, cluster: Record<string, unknown> = {}): Kubeconfig => ({
  clusters: [{ name: 'c', cluster: { server: 'https://one:6443', ...cluster } }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  users: [{ name: 'u', user }],
  'current-context': 'x',
  origin: { directory: '/home/me', path: 'f' },
});
const pluginOf = async (user: Record<string, unknown>, cluster?: Record<string, unknown>) =>
  (await resolveContext(configOf(user, cluster), undefined, { everyWay: true })).exec;

test('a program is read as managed clusters name it', async () => {
  const text = `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://one", certificate-authority-data: Y2E=}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: aws
      args: [--region, here, eks, get-token]
      env:
      - {name: AWS_PROFILE, value: work}
      provideClusterInfo: false
`;
  const { exec } = await resolveContext(await parseKubeconfig(text, '/home/me'), undefined, { everyWay: true });
  assert.deepEqual(exec, {
    apiVersion: 'client.authentication.k8s.io/v1beta1',
    command: 'aws',
    args: ['--region', 'here', 'eks', 'get-token'],
    env: { AWS_PROFILE: 'work' },
    installHint: '',
  });
});

test('a command that is a path starts where the kubeconfig lies; the cluster is told of with its own settings', async () => {
  const exec = {
    apiVersion: V1,
    command: './bin/login',
    interactiveMode: 'Never',
    env: null,
    args: null,
    provideClusterInfo: true,
  };
  const settings = { name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } };
  const cluster = { 'certificate-authority-data': 'Y2E=', 'tls-server-name': 'two', extensions: [{ name: 'other' }, settings] };
  assert.deepEqual(await pluginOf({ exec }, cluster), {
    ...{ apiVersion: V1, command: '/home/me/bin/login', args: [], env: {}, installHint: '' },
    cluster: {
      ...{ server: 'https://one:6443', 'tls-server-name': 'two', 'certificate-authority-data': 'Y2E=' },
      config: { audience: 'a' },
    },
  });
});

test('a program that cannot be run is refused by field', async () => {
  const good = { apiVersion: V1, command: 'x', interactiveMode: 'IfAvailable' };
  for (const [user, problem] of [
    [{ exec: 'x' }, /exec: is not a mapping/],
    [{ exec: { ...good, apiVersion: 'client.authentication.k8s.io/v1alpha1' } }, /exec: apiVersion: must be one of/],
    [{ exec: { ...good, command: '' } }, /exec: command: is missing/],
    [{ exec: { ...good, interactiveMode: undefined } }, /exec: interactiveMode: must be one of/],
    [{ exec: { ...good, interactiveMode: 'Always' } }, /exec: interactiveMode: Always is not supported/],
    [{ exec: { ...good, args: ['a', 1] } }, /exec: args: is not a list of strings/],
    [{ exec: { ...good, env: [{ name: 'A=B', value: 'c' }] } }, /exec: env: is not a list/],
    [{ exec: { ...good, installHint: 1 } }, /exec: installHint: is not a string/],
    [{ exec: { ...good, provideClusterInfo: 'yes' } }, /exec: provideClusterInfo: is not true or false/],
    [{ exec: good, token: 'secret' }, /exec and other ways to say who the user is exclude each other/],
  ] as const)
    await assert.rejects(pluginOf(user), (error: unknown) => {
      assert.ok(error instanceof CodedError, String(error));
      assert.match(error.message, problem);
      assert.match(error.message, /^kubeconfig f: user "u"/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
});

test('a proxy is gone through by those who know how, and one that they do not know is refused without its password', async () => {
  const through = (url: string) => resolveContext(configOf({}, { 'proxy-url': url }), undefined, { everyWay: true });
  assert.equal((await through('http://me:secret@proxy:3128')).proxyUrl, 'http://me:secret@proxy:3128');
  assert.equal((await through('socks5://me:secret@proxy')).proxyUrl, 'socks5://me:secret@proxy');
  assert.equal((await through('')).proxyUrl, undefined);
  for (const [url, problem] of [
    ['socks4://me:secret@proxy', /cluster "c" proxy-url: only http:\/\/, https:\/\/ and socks5:\/\/ proxies are supported/],
    ['socks5:secret', /cluster "c" proxy-url: has no host/],
    ['secret', /cluster "c" proxy-url: is not a URL/],
  ] as const)
    await assert.rejects(through(url), (error: unknown) => {
      assert.ok(error instanceof CodedError, String(error));
      assert.match(error.message, problem);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
});

test('whom a user acts as is read with his groups', async () => {
  const text = `
clusters: [{name: c, cluster: {server: "https://one"}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
users:
- name: u
  user:
    token: t
    as: system:node:a
    as-uid: "7"
    as-groups: [system:nodes]
    as-user-extra: {reason: [a, b]}
`;
  const config = await parseKubeconfig(text, '/home/me');
  assert.deepEqual((await resolveContext(config, undefined, { everyWay: true })).actingAs, {
    ...{ user: 'system:node:a', uid: '7', groups: ['system:nodes'], extra: { reason: ['a', 'b'] } },
  });
  await assert.rejects(resolveContext(config), /user "u" as: is not supported/);
  assert.equal((await resolveContext(configOf({ token: 't', as: '' }), undefined, { everyWay: true })).actingAs, undefined);
  for (const [user, problem] of [
    [{ 'as-groups': ['g'] }, /without impersonating a user: as is missing/],
    [{ 'as-uid': '7' }, /without impersonating a user: as is missing/],
    [{ 'as-user-extra': { a: [] } }, /without impersonating a user: as is missing/],
    [{ as: 7 }, /as: is not a string/],
    [{ as: 'a\r\nx: y' }, /as: has characters that a header cannot hold/],
    [{ as: 'a', 'as-groups': 'g' }, /as-groups: is not a list of strings/],
    [{ as: 'a', 'as-groups': ['g\0'] }, /as-groups: has characters that a header cannot hold/],
    [{ as: 'a', 'as-user-extra': ['g'] }, /as-user-extra: is not a mapping/],
    [{ as: 'a', 'as-user-extra': { k: 'v' } }, /as-user-extra\[k\]: is not a list of strings/],
    [{ as: 'a', 'as-user-extra': { '': ['v'] } }, /as-user-extra: has a key without a name/],
  ] as const)
    await assert.rejects(resolveContext(configOf(user), undefined, { everyWay: true }), (error: unknown) => {
      assert.ok(error instanceof CodedError, String(error));
      assert.match(error.message, problem);
      assert.match(error.message, /^kubeconfig f: user "u": /);
      return true;
    });
});

test('passwords and auth providers, which servers and clients have given up, are refused by name', async () => {
  for (const [field, value] of [
    ['username', 'me'],
    ['password', 'secret'],
    ['auth-provider', { name: 'gcp' }],
  ] as const)
    await assert.rejects(resolveContext(configOf({ [field]: value }), undefined, { everyWay: true }), {
      message: `kubeconfig f: user "u" ${field}: is not supported`,
    });
});

test('whatever is given for a program, reading it ends in one or in a CodedError', async () => {
  const name = fc.constantFrom('apiVersion', 'command', 'args', 'env', 'interactiveMode', 'provideClusterInfo', '__proto__');
  const value = fc.oneof(
    fc.constantFrom<unknown>(V1, 'x', 'Never', true, ['a'], [{ name: 'a', value: 'b' }], [{ name: '__proto__', value: 'b' }]),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value), async (exec) => {
      try {
        const plugin = await pluginOf({ exec });
        assert.ok(plugin);
        assert.ok(plugin.args.every((text) => typeof text === 'string'));
        assert.ok(Object.values(plugin.env).every((text) => typeof text === 'string'));
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
