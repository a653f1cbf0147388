import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Answer, BadAnswer, chooseVersion, readAnswer, readPatch } from './admission-review.ts';
import { parseAnswer } from './decode-review.ts';
import { refusedBy } from './refusals.ts';

test('whatever a webhook answers is an answer or a bad one', () => {
  const garbage = fc.oneof(
    fc.anything(),
    fc.record({ kind: fc.constant('AdmissionReview'), apiVersion: fc.constant('admission.k8s.io/v1'), response: fc.anything() }),
    fc.record({
      kind: fc.constant('AdmissionReview'),
      apiVersion: fc.constant('admission.k8s.io/v1'),
      response: fc.record(
        {
          uid: fc.constant('u'),
          allowed: fc.anything(),
          status: fc.anything(),
          patch: fc.oneof(fc.base64String(), fc.anything()),
          patchType: fc.oneof(fc.constant('JSONPatch'), fc.anything()),
          warnings: fc.oneof(fc.array(fc.anything()), fc.anything()),
          auditAnnotations: fc.anything(),
        },
        { requiredKeys: ['uid'] },
      ),
    }),
  );
  fc.assert(
    fc.property(garbage, fc.constantFrom('v1', 'v1beta1'), fc.boolean(), (body, version, mutating) => {
      let answer: Answer;
      try {
        answer = readAnswer(body, { version: version as 'v1', uid: 'u', mutating });
      } catch (error) {
        assert.ok(error instanceof BadAnswer);
        return;
      }
      assert.equal(typeof answer.allowed, 'boolean');
      assert.ok(answer.warnings.every((warning) => typeof warning === 'string'));
      const { code } = refusedBy('w.example.com', answer.result);
      assert.ok(code >= 400 && code <= 599, String(code));
    }),
    { numRuns: 1000 },
  );
});

test('both sides speak the first version that both know', () => {
  assert.equal(chooseVersion(['v2', 'v1beta1', 'v1']), 'v1beta1');
  assert.equal(chooseVersion(['v2']), undefined);
});

const V1 = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' };
const complaint = (body: unknown, more: { version?: 'v1' | 'v1beta1'; mutating?: boolean } = {}): string => {
  try {
    readAnswer(body, { version: 'v1', uid: 'u', mutating: false, ...more });
    return '';
  } catch (error) {
    assert.ok(error instanceof BadAnswer);
    return error.message;
  }
};

test('an answer with a field of a wrong type is none, and the field is named as Go names it', () => {
  const told = (response: unknown) => complaint({ ...V1, response });
  const cannot = 'failed to call webhook: json: cannot unmarshal';
  const cases: [unknown, string][] = [
    [{ uid: 'u', allowed: 'true' }, 'string into Go struct field AdmissionResponse.response.allowed of type bool'],
    [{ uid: 1 }, 'number into Go struct field AdmissionResponse.response.uid of type types.UID'],
    [{ uid: 'u', status: [] }, 'array into Go struct field AdmissionResponse.response.status of type v1.Status'],
    [{ uid: 'u', status: { code: 400.5 } }, 'number 400.5 into Go struct field Status.response.status.code of type int32'],
    [
      { uid: 'u', status: { details: { causes: [1] } } },
      'number into Go struct field StatusDetails.response.status.details.causes of type v1.StatusCause',
    ],
    [{ uid: 'u', warnings: 'x' }, 'string into Go struct field AdmissionResponse.response.warnings of type []string'],
    [
      { uid: 'u', auditAnnotations: { a: 1 } },
      'number into Go struct field AdmissionResponse.response.auditAnnotations of type string',
    ],
    ['x', 'string into Go struct field AdmissionReview.response of type v1.AdmissionResponse'],
  ];
  for (const [response, words] of cases) assert.equal(told(response), `${cannot} ${words}`);
  assert.equal(told({ uid: 'u', patch: '!!' }), 'failed to call webhook: illegal base64 data at input byte 0');
  assert.equal(told({ uid: 'u', allowed: true, status: null, warnings: [null, 'a'], more: 1 }), '');
});

test('an answer of another kind or version is none', () => {
  const response = { uid: 'u', allowed: true };
  const failed = 'failed to call webhook:';
  assert.equal(
    complaint({ ...V1, apiVersion: 'admission.k8s.io/v1beta1', response }),
    `${failed} converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion`,
  );
  assert.equal(
    complaint({ apiVersion: 'v1', kind: 'Status' }),
    `${failed} converting (v1.Status) to (v1.AdmissionReview): unknown conversion`,
  );
  assert.match(
    complaint({ ...V1, kind: 'Foo' }),
    /^failed to call webhook: no kind "Foo" is registered for version "admission\.k8s\.io\/v1" in/,
  );
  assert.equal(complaint({ ...V1, apiVersion: 'a/b/c' }), `${failed} unexpected GroupVersion string: a/b/c`);
  assert.match(complaint({ ...V1, kind: 1 }), /cannot unmarshal number into Go struct field \.kind of type string$/);
  assert.match(complaint([]), /json: cannot unmarshal array into Go value of type struct \{ APIVersion string /);
  const expected = 'received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview';
  assert.equal(complaint({ response }), `${expected}, got /, Kind=`);
  assert.equal(
    complaint({ response: { ...response, uid: 'x' } }),
    'received invalid webhook response: expected response.uid="u", got "x"',
  );
  assert.equal(complaint({ response: { allowed: true } }, { version: 'v1beta1' }), '');
  for (const body of [{}, null, { ...V1, response: null }])
    assert.equal(complaint(body), 'received invalid webhook response: webhook response was absent');
});

test('a patch goes with its type, and is a list of operations', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const answer = (more: object) =>
    readAnswer({ ...V1, response: { uid: 'u', allowed: true, ...more } }, { version: 'v1', uid: 'u', mutating: true });
  assert.throws(() => answer({ patch: base64('[]') }), /webhook returned response\.patch but not response\.patchType$/);
  assert.throws(() => answer({ patchType: 'JSONPatch' }), /webhook returned response\.patchType but not response\.patch$/);
  assert.throws(() => answer({ patchType: '', patch: base64('[]') }), /webhook returned invalid response\.patchType of ""$/);
  assert.equal(answer({ patchType: 'MergePatch', patch: base64('{}') }).patch?.type, 'MergePatch');
  const read = (text: string) => readPatch({ bytes: Buffer.from(text), type: 'JSONPatch' });
  const undecodable = (words: string) => ({ message: `received undecodable patch in webhook response: ${words}` });
  assert.throws(() => read('nope'), undecodable(`invalid character 'o' in literal null (expecting 'u')`));
  assert.throws(() => read('{}'), undecodable('json: cannot unmarshal object into Go value of type jsonpatch.Patch'));
  assert.throws(() => read('[1]'), undecodable('json: cannot unmarshal number into Go value of type jsonpatch.Operation'));
  assert.deepEqual([read('null'), read('[]'), read('[null,{"op":1}]')], [[], [], [null, { op: 1 }]]);
});

test('an answer is JSON, or YAML when it does not begin like an object', async () => {
  assert.deepEqual(await parseAnswer('kind: AdmissionReview\nresponse: {allowed: true}\n'), {
    kind: 'AdmissionReview',
    response: { allowed: true },
  });
  assert.deepEqual(await parseAnswer('\ufeff{"a": 1}'), { a: 1 });
  assert.equal(await parseAnswer('hello'), 'hello');
  const words = (text: string) => ({ message: `couldn't get version/kind; json parse error: ${text}` });
  await assert.rejects(parseAnswer('{"kind":'), words('unexpected end of JSON input'));
  await assert.rejects(parseAnswer('{} x'), words("invalid character 'x' after top-level value"));
});
