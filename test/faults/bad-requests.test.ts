import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type BareApiServer, type BareRequest, startBareApiServer } from './bare-api-server.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const OBJECT = '{"metadata":{"name":"new"},"data":{"a":"b"}}';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const YAML = { 'content-type': 'application/yaml' };
const options = (fields: object) => {
  const body = JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', ...fields });
  // Node does not say of itself how long the body of a DELETE is.
  return { method: 'DELETE', path: `${PATH}/a`, body, headers: { 'content-length': String(body.length) } };
};

/** What is asked, and how it is answered. */
const CASES: readonly [what: string, request: BareRequest, status: number, reason: string | undefined, message: RegExp][] = [
  // Bodies
  [
    'JSON that breaks off',
    { method: 'POST', path: PATH, body: '{"a":' },
    400,
    'BadRequest',
    /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: .* \(\{"a":\)$/,
  ],
  [
    'what is no JSON',
    { method: 'POST', path: PATH, body: 'hello' },
    400,
    'BadRequest',
    /^the object provided is unrecognized .* \(68656c6c6f\)$/,
  ],
  ['nothing', { method: 'POST', path: PATH, body: '' }, 400, 'BadRequest', /unexpected end of JSON input \(<empty>\)$/],
  ['a list', { method: 'POST', path: PATH, body: '[]' }, 400, 'BadRequest', /couldn't get version\/kind/],
  ['twenty thousand brackets', { method: 'POST', path: PATH, body: '['.repeat(20_000) }, 400, 'BadRequest', /json parse error/],
  [
    'another kind',
    { method: 'POST', path: PATH, body: '{"kind":"Secret","metadata":{"name":"x"}}' },
    400,
    'BadRequest',
    /^Secret in version "v1" cannot be handled as a ConfigMap: /,
  ],
  [
    'another version',
    { method: 'POST', path: PATH, body: '{"apiVersion":"v2","metadata":{"name":"x"}}' },
    400,
    'BadRequest',
    /^ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme /,
  ],
  [
    'a field of another type',
    { method: 'POST', path: PATH, body: '{"metadata":{"name":"x"},"data":[]}' },
    400,
    'BadRequest',
    /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap\.data of type map\[string\]string$/,
  ],
  [
    'broken YAML',
    { method: 'POST', path: PATH, body: 'a: [', headers: YAML },
    400,
    'BadRequest',
    / error converting YAML to JSON: yaml: line 1: /,
  ],
  [
    'two documents',
    { method: 'POST', path: PATH, body: 'a: b\n---\nc: d', headers: YAML },
    400,
    'BadRequest',
    / error converting YAML to JSON: yaml: line 2: .*multiple documents/,
  ],
  [
    'YAML that grows',
    { method: 'POST', path: PATH, body: bomb(), headers: YAML },
    400,
    'BadRequest',
    / error converting YAML to JSON: .*alias/i,
  ],
  [
    'half of a protobuf',
    { method: 'POST', path: PATH, body: 'k8s\0junk', headers: { 'content-type': 'application/vnd.kubernetes.protobuf' } },
    400,
    'BadRequest',
    /protobuf body cannot be read/,
  ],
  [
    'plain text',
    { method: 'POST', path: PATH, body: OBJECT, headers: { 'content-type': 'text/plain' } },
    415,
    'UnsupportedMediaType',
    /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf$/,
  ],
  [
    'something compressed',
    { method: 'POST', path: PATH, body: OBJECT, headers: { 'content-encoding': 'gzip' } },
    415,
    'UnsupportedMediaType',
    /encoded as "gzip"/,
  ],
  [
    'more than three megabytes',
    { method: 'POST', path: PATH, body: 'x'.repeat(3 * 1024 * 1024 + 1) },
    413,
    'RequestEntityTooLarge',
    /^Request entity too large: limit is 3145728$/,
  ],
  [
    'an answer in HTML',
    { path: PATH, headers: { accept: 'text/html' } },
    406,
    'NotAcceptable',
    /^only the following media types are accepted: application\/json/,
  ],
  // Objects
  [
    'an object without a name',
    { method: 'POST', path: PATH, body: '{"metadata":{}}' },
    422,
    'Invalid',
    /^ConfigMap "" is invalid: metadata\.name: Required value: name or generateName is required$/,
  ],
  [
    'another name than the path has',
    { method: 'PUT', path: `${PATH}/a`, body: '{"metadata":{"name":"b"}}' },
    400,
    'BadRequest',
    /^the name of the object \(b\) does not match the name on the URL \(a\)$/,
  ],
  [
    'another namespace',
    { method: 'POST', path: PATH, body: '{"metadata":{"name":"b","namespace":"other"}}' },
    400,
    'BadRequest',
    /^the namespace of the provided object does not match the namespace sent on the request$/,
  ],
  [
    'a version before it exists',
    { method: 'POST', path: PATH, body: '{"metadata":{"name":"b","resourceVersion":"5"}}' },
    400,
    'BadRequest',
    /^resourceVersion should not be set on objects to be created$/,
  ],
  [
    'a label that is none',
    { method: 'POST', path: PATH, body: '{"metadata":{"name":"b","labels":{"__proto__":"x"}}}' },
    422,
    'Invalid',
    /metadata\.labels: Invalid value: "__proto__"/,
  ],
  [
    'a namespace that is not there',
    { method: 'POST', path: '/api/v1/namespaces/nowhere/configmaps', body: OBJECT },
    404,
    'NotFound',
    /^namespaces "nowhere" not found$/,
  ],
  // Patches
  [
    'a patch in no patch format',
    { method: 'PATCH', path: `${PATH}/a`, body: '{}' },
    415,
    'UnsupportedMediaType',
    /accepted media types include: application\/json-patch\+json, application\/merge-patch\+json, application\/strategic-merge-patch\+json/,
  ],
  [
    'a patch that breaks off',
    { method: 'PATCH', path: `${PATH}/a`, body: '{', headers: MERGE },
    400,
    'BadRequest',
    /^error decoding patch: unexpected end of JSON input$/,
  ],
  [
    'a JSON patch that is no list',
    { method: 'PATCH', path: `${PATH}/a`, body: '{}', headers: JSON_PATCH },
    400,
    'BadRequest',
    /^error decoding patch: json: cannot unmarshal object into Go value of type \[\]handlers\.jsonPatchOp$/,
  ],
  [
    'a JSON patch of what is not there',
    { method: 'PATCH', path: `${PATH}/a`, body: '[{"op":"remove","path":"/data/none"}]', headers: JSON_PATCH },
    422,
    'Invalid',
    /^the server rejected our request due to an error in our request$/,
  ],
  [
    'a patch of nothing',
    { method: 'PATCH', path: `${PATH}/nobody`, body: '{}', headers: MERGE },
    404,
    'NotFound',
    /^configmaps "nobody" not found$/,
  ],
  // Queries
  [
    'a version that is no number',
    { path: `${PATH}?resourceVersion=abc` },
    400,
    'BadRequest',
    /^invalid resource version: resourceVersion: Invalid value: "abc"/,
  ],
  [
    'a version of the future',
    { path: `${PATH}?resourceVersion=99999999` },
    504,
    'Timeout',
    /^Timeout: Too large resource version: 99999999, current: \d+$/,
  ],
  [
    'a watch from no number',
    { path: `${PATH}?watch=1&resourceVersion=abc` },
    // As upstream, which has no name for it.
    500,
    undefined,
    /^resourceVersion: Invalid value: "abc"/,
  ],
  [
    'a match for no version',
    { path: `${PATH}?resourceVersionMatch=Exact` },
    422,
    'Invalid',
    /resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided/,
  ],
  [
    'an unknown match',
    { path: `${PATH}?resourceVersion=1&resourceVersionMatch=Some` },
    422,
    'Invalid',
    /resourceVersionMatch: Unsupported value: "Some": supported values: "Exact", "NotOlderThan"/,
  ],
  [
    'a limit that is no number',
    { path: `${PATH}?limit=x` },
    400,
    'BadRequest',
    /^strconv\.ParseInt: parsing "x": invalid syntax$/,
  ],
  [
    'a continue token of somebody else',
    { path: `${PATH}?limit=1&continue=x` },
    400,
    'BadRequest',
    /^invalid continue token: continue key is not valid: /,
  ],
  [
    'a label selector that breaks off',
    { path: `${PATH}?labelSelector=${encodeURIComponent('a in (')}` },
    400,
    'BadRequest',
    /^unable to parse requirement: found '', expected: ',', '\)' or identifier$/,
  ],
  [
    'an unknown field selector',
    { path: `${PATH}?fieldSelector=data.a%3Db` },
    400,
    'BadRequest',
    /^"data\.a" is not a known field selector: only "metadata\.name", "metadata\.namespace"$/,
  ],
  [
    'what is no field selector',
    { path: `${PATH}?fieldSelector=abc` },
    400,
    'BadRequest',
    /^invalid selector: 'abc'; can't understand 'abc'$/,
  ],
  ['a time that is no number', { path: `${PATH}?watch=1&timeoutSeconds=x` }, 400, 'BadRequest', /parsing "x": invalid syntax/],
  [
    'an unknown dry run',
    { method: 'POST', path: `${PATH}?dryRun=Some`, body: OBJECT },
    422,
    'Invalid',
    /dryRun: Unsupported value: \["Some"\]: supported values: "All"/,
  ],
  [
    'an unknown field validation',
    { method: 'POST', path: `${PATH}?fieldValidation=Some`, body: OBJECT },
    422,
    'Invalid',
    /fieldValidation: Unsupported value: "Some"/,
  ],
  [
    'a field manager without end',
    { method: 'POST', path: `${PATH}?fieldManager=${'x'.repeat(200)}`, body: OBJECT },
    422,
    'Invalid',
    /fieldManager: Too long: may not be more than 128 bytes/,
  ],
  // Deletions
  [
    'a grace that is no number',
    { method: 'DELETE', path: `${PATH}/a?gracePeriodSeconds=x` },
    400,
    'BadRequest',
    /parsing "x": invalid syntax/,
  ],
  [
    'an unknown propagation',
    { method: 'DELETE', path: `${PATH}/a?propagationPolicy=Some` },
    422,
    'Invalid',
    /propagationPolicy: Unsupported value: "Some"/,
  ],
  [
    'options of the wrong type',
    options({ propagationPolicy: 5 }),
    400,
    'BadRequest',
    /cannot unmarshal number into Go struct field DeleteOptions\.propagationPolicy of type string$/,
  ],
  ['a policy that is none', options({ propagationPolicy: 'X' }), 422, 'Invalid', /propagationPolicy: Unsupported value: "X"/],
  [
    'another uid than it has',
    options({ preconditions: { uid: 'other' } }),
    409,
    'Conflict',
    /the UID in the precondition \(other\) does not match the UID in record \(\S+\)\. The object might have been deleted and then recreated$/,
  ],
  [
    'another version than it has',
    options({ preconditions: { resourceVersion: '1' } }),
    409,
    'Conflict',
    /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
  ],
  // Paths
  ['a list put in whole', { method: 'PUT', path: PATH, body: OBJECT }, 405, 'MethodNotAllowed', /not/],
  ['an object posted at its name', { method: 'POST', path: `${PATH}/a`, body: OBJECT }, 405, 'MethodNotAllowed', /not/],
  ['an unknown resource', { path: '/api/v1/things' }, 404, 'NotFound', /^the server could not find the requested resource$/],
  [
    'a part that it does not have',
    { path: `${PATH}/a/status` },
    404,
    'NotFound',
    /^the server could not find the requested resource$/,
  ],
  [
    'a group without a user',
    { path: PATH, headers: { 'impersonate-group': 'x' } },
    400,
    'BadRequest',
    /without impersonating a user name$/,
  ],
  [
    'with a token that nobody knows',
    { path: PATH, headers: { authorization: 'Bearer wrong' } },
    401,
    'Unauthorized',
    /^Unauthorized$/,
  ],
];

/** A document that is small until its aliases are followed: 10^9 strings. */
function bomb(): string {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(',')}]`,
    );
  return lines.join('\n');
}

describe('what cannot be served is answered with a Status that says why', () => {
  let api: BareApiServer;
  before(async () => {
    api = await startBareApiServer();
    const made = await api.send({ method: 'POST', path: PATH, body: '{"metadata":{"name":"a"},"data":{"a":"b"}}' });
    assert.equal(made.status, 201, made.text);
  });
  after(() => api?.[Symbol.asyncDispose]());

  for (const [what, request, status, reason, message] of CASES)
    test(what, async () => {
      const answer = await api.send(request);
      assert.equal(answer.status, status, answer.text);
      const document = JSON.parse(answer.text) as Record<string, unknown>;
      assert.equal(document['kind'], 'Status');
      assert.equal(document['status'], 'Failure');
      assert.equal(document['code'], status);
      assert.equal(document['reason'], reason, answer.text);
      assert.match(String(document['message']), message);
    });

  test('and what is there stays as it was', async () => {
    const { items } = JSON.parse((await api.send({ path: PATH })).text) as {
      items: { metadata: { name: string }; data: object }[];
    };
    assert.deepEqual(
      items.map(({ metadata, data }) => [metadata.name, data]),
      [['a', { a: 'b' }]],
    );
  });

  test('an escape that is none is no path', async () => {
    assert.equal((await api.send({ path: '/api/v1/%zz' })).status, 400);
  });

  test('of an Authorization header the token is the first word behind Bearer, whatever comes after it', async () => {
    const statusOf = async (authorization: string) => (await api.send({ path: PATH, headers: { authorization } })).status;
    assert.equal(await statusOf(`Bearer wrong ${api.token}`), 401);
    assert.equal(await statusOf(`Bearer ${api.token} wrong`), 200);
  });
});
