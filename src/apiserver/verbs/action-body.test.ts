import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActionHandler, RequestContext } from '../contracts.ts';
import { readActionBody } from './action-body.ts';

async function read(body: unknown, query = '', subresource = 'token'): Promise<unknown> {
  const warnings: string[] = [];
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const request = { headers: {}, query: new URLSearchParams(query), readBody: async () => bytes };
  const context = { request, info: { verb: 'create' }, warnings } as unknown as RequestContext;
  const object = await readActionBody({ subresource } as ActionHandler, context);
  return warnings.length ? { object, warnings } : object;
}

const HEAD = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {} };

test('a token request is read as what it is, whoever says so', async () => {
  assert.deepEqual(await read({ spec: { expirationSeconds: 600 } }), { ...HEAD, spec: { expirationSeconds: 600 } });
  assert.deepEqual(await read('null'), HEAD);
  assert.deepEqual(await read({ ...HEAD, spek: {} }), { object: HEAD, warnings: ['unknown field "spek"'] });
  assert.deepEqual(await read({ ...HEAD, spek: {} }, 'fieldValidation=Ignore'), HEAD);
});

const SCHEME = 'in scheme "pkg/api/legacyscheme/scheme.go:30"';
for (const [body, why] of [
  [
    { spec: { expirationSeconds: '600' } },
    'json: cannot unmarshal string into Go struct field TokenRequestSpec.spec.expirationSeconds of type int64',
  ],
  [
    { spec: { audiences: 'x' } },
    'json: cannot unmarshal string into Go struct field TokenRequestSpec.spec.audiences of type []string',
  ],
  [{ ...HEAD, apiVersion: 'v1' }, `no kind "TokenRequest" is registered for version "v1" ${SCHEME}`],
  [{ ...HEAD, kind: 'Pod' }, `no kind "Pod" is registered for version "authentication.k8s.io/v1" ${SCHEME}`],
  [
    { ...HEAD, apiVersion: 'v1', kind: 'PodList' },
    'converting (v1.PodList) to (authentication.TokenRequest): unknown conversion',
  ],
] as const)
  test(`a token request of ${JSON.stringify(body)} is a 400`, () =>
    assert.rejects(read(body), (error: Error & { code: number }) => {
      assert.equal(error.code, 400);
      assert.ok(error.message.endsWith(`cannot be handled as a TokenRequest: ${why}`), error.message);
      return true;
    }));

test('a token request with what there is not is refused where that is asked for', () =>
  assert.rejects(read({ ...HEAD, spek: {} }, 'fieldValidation=Strict'), {
    code: 400,
    message: /strict decoding error: unknown field "spek"$/,
  }));

test('an eviction is read in either version, and what is none is refused as such', async () => {
  const evict = (body: unknown) => read(body, '', 'eviction');
  for (const apiVersion of ['policy/v1', 'policy/v1beta1']) {
    const eviction = { apiVersion, kind: 'Eviction', metadata: { name: 'p' } };
    assert.deepEqual(await evict(eviction), eviction);
  }
  assert.deepEqual(await evict('null'), { apiVersion: 'policy/v1', kind: 'Eviction', metadata: {} });
  const named = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p', annotations: { was: 'policy/v1beta1' } } };
  assert.deepEqual(await evict(named), named);
  const unrecognized =
    "the object provided is unrecognized (must be of type Eviction): couldn't get version/kind; json parse error: ";
  await assert.rejects(evict(''), { code: 400, message: `${unrecognized}unexpected end of JSON input (<empty>)` });
  await assert.rejects(evict('junk'), {
    code: 400,
    message: `${unrecognized}invalid character 'j' looking for beginning of value (6a756e6b)`,
  });
  await assert.rejects(evict({ apiVersion: 'v1', kind: 'Pod' }), {
    message: 'Pod in version "v1" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): unknown conversion',
  });
});

test('others have their turn while a large body is read', async () => {
  let turns = 0;
  let waiting: NodeJS.Immediate;
  const count = () => {
    turns++;
    waiting = setImmediate(count);
  };
  waiting = setImmediate(count);
  const audiences = Array.from({ length: 100_000 }, (_, i) => `audience-${i}`);
  const object = await read({ spec: { audiences } });
  clearImmediate(waiting);
  assert.deepEqual(object, { ...HEAD, spec: { audiences } });
  assert.ok(turns >= 3, `${turns} turns`);
});
