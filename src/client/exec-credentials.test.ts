import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ProgramOptions, runProgram } from '../host/run-program.ts';
import type { ExecPlugin } from '../pki/kubeconfig-exec.ts';
import { createExecTransport, readCredential } from './exec-credentials.ts';
import type { Credentials } from './transport/https.ts';

const V1 = 'client.authentication.k8s.io/v1';
const PLUGIN: ExecPlugin = { apiVersion: V1, command: 'plugin', args: ['--me'], env: { REGION: 'here' }, installHint: '' };
const answer = (status: unknown) => JSON.stringify({ apiVersion: V1, kind: 'ExecCredential', status });

/** A server that notes who asks, and a program that prints what it is told to, one text after the other. */
function setUp(printed: readonly string[], plugin: Partial<ExecPlugin> = {}) {
  const seen = {
    runs: [] as { program: string; args: readonly string[]; options: ProgramOptions | undefined }[],
    asked: [] as (string | undefined)[],
    closed: 0,
    nowMs: 0,
    status: 200,
    credentials: (): Credentials => ({}),
  };
  const transport = createExecTransport({
    plugin: { ...PLUGIN, ...plugin },
    clock: { now: () => seen.nowMs },
    environment: { PATH: '/bin', NOTHING: undefined },
    run: async (program, args, options) => {
      seen.runs.push({ program, args, options });
      return { stdout: printed[Math.min(seen.runs.length, printed.length) - 1]!, stderr: '' };
    },
    connect: (credentials) => {
      seen.credentials = credentials;
      return {
        request: async ({ headers }) => {
          seen.asked.push(headers['authorization']);
          return { status: seen.status, headers: {}, body: (async function* () {})() };
        },
        close: async () => {
          seen.closed++;
        },
      };
    },
  });
  const ask = () => transport.request({ method: 'GET', path: '/', headers: {} });
  return { seen, ask };
}

test('a program is asked once who the user is, and told of the cluster when it wants to know', async () => {
  const { seen, ask } = setUp([answer({ token: 'a' })], { cluster: { server: 'https://one' } });
  await Promise.all([ask(), ask()]);
  await ask();
  assert.deepEqual(seen.asked, ['Bearer a', 'Bearer a', 'Bearer a']);
  assert.equal(seen.runs.length, 1);
  const [{ program, args, options }] = seen.runs as [(typeof seen.runs)[0]];
  assert.deepEqual([program, args], ['plugin', ['--me']]);
  const { KUBERNETES_EXEC_INFO: info, ...environment } = options!.environment!;
  assert.deepEqual(environment, { PATH: '/bin', REGION: 'here' });
  assert.deepEqual(JSON.parse(info!), {
    kind: 'ExecCredential',
    apiVersion: V1,
    spec: { interactive: false, cluster: { server: 'https://one' } },
  });
});

test('it is asked again when what it said has expired, or is refused', async () => {
  const { seen, ask } = setUp([
    answer({ token: 'a', expirationTimestamp: '1970-01-01T00:00:10Z' }),
    answer({ token: 'b' }),
    answer({ token: 'c' }),
  ]);
  await ask();
  seen.nowMs = 9999;
  await ask();
  seen.nowMs = 10_000;
  await ask();
  seen.status = 401;
  assert.equal((await ask()).status, 401);
  seen.status = 200;
  await ask();
  assert.deepEqual(seen.asked, ['Bearer a', 'Bearer a', 'Bearer b', 'Bearer b', 'Bearer c']);
});

test('a new certificate means new connections', async () => {
  const pair = (name: string) => ({ clientCertificateData: name, clientKeyData: `key of ${name}` });
  const { seen, ask } = setUp([answer({ ...pair('one'), expirationTimestamp: '1970-01-01T00:00:10Z' }), answer(pair('two'))]);
  await ask();
  assert.deepEqual([seen.closed, seen.credentials().certificatePem, seen.asked], [0, 'one', [undefined]]);
  seen.nowMs = 20_000;
  await ask();
  assert.deepEqual(seen.credentials(), { certificatePem: 'two', privateKeyPem: 'key of two' });
  assert.equal(seen.closed, 1);
});

test('a program that fails is named with what it complained of, never with what it printed', async () => {
  const failing = (command: string, args: readonly string[], installHint = '') =>
    createExecTransport({
      plugin: { ...PLUGIN, command, args, installHint },
      clock: { now: () => 0 },
      environment: process.env,
      run: runProgram,
      connect: () => ({ request: () => assert.fail('nobody is asked as nobody'), close: async () => undefined }),
    }).request({ method: 'GET', path: '/', headers: {} });
  await assert.rejects(failing('/nowhere/plugin', [], 'install it'), {
    code: 'EXEC_CREDENTIALS',
    message: 'getting credentials: exec: executable /nowhere/plugin not found\n\ninstall it',
  });
  await assert.rejects(failing('sh', ['-c', 'echo secret; echo "log in first" >&2; exit 3']), {
    message: 'getting credentials: exec: executable sh failed with exit code 3: log in first',
  });
  await assert.rejects(failing('sh', ['-c', 'echo secret; exit 3']), (error: Error) => {
    assert.doesNotMatch(`${error.message}${error.stack}`, /secret/);
    return true;
  });
});

test('what is no credential is refused by field, and never repeated', () => {
  for (const [text, problem] of [
    ['secret', /it is no ExecCredential/],
    ['null', /it is no ExecCredential/],
    [JSON.stringify({ kind: 'Status', apiVersion: V1 }), /it is no ExecCredential/],
    [
      JSON.stringify({ kind: 'ExecCredential', apiVersion: 'x/v2' }),
      /API version client\.authentication\.k8s\.io\/v1, plugin returned version "x\/v2"/,
    ],
    [JSON.stringify({ kind: 'ExecCredential', apiVersion: V1 }), /didn't return a status field/],
    [answer({}), /didn't return a token or cert\/key pair/],
    [answer({ clientKeyData: 'secret' }), /only certificate or key, not both/],
    [answer({ token: { secret: 1 } }), /status\.token: is not a string/],
    [answer({ token: 'secret\r\nX-Remote-User: admin' }), /status\.token: has characters that a header cannot hold/],
    [answer({ token: 'secret', expirationTimestamp: 'soon' }), /status\.expirationTimestamp: is not a time/],
  ] as const)
    assert.throws(
      () => readCredential(text, V1),
      (error: Error) => {
        assert.match(error.message, problem);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
      text,
    );
  const status = fc.dictionary(
    fc.constantFrom('token', 'clientCertificateData', 'clientKeyData', 'expirationTimestamp', '__proto__'),
    fc.oneof(fc.string(), fc.jsonValue()),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), status.map(answer)), (text) => {
      try {
        const { token, certificatePem, privateKeyPem } = readCredential(text, V1);
        assert.ok(token || (certificatePem && privateKeyPem));
      } catch (error) {
        assert.equal((error as Error).constructor, Error);
      }
    }),
  );
});
