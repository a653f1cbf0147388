import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { validateLocalReview, validateSelfReview, validateSubjectReview } from './validate-access-review.ts';

const review = (spec: object, metadata: object = {}) =>
  ({ apiVersion: 'authorization.k8s.io/v1', kind: 'X', metadata, spec }) as DynamicObject;
const texts = (errors: readonly { field: string; message: string }[]) =>
  errors.map(({ field, message }) => `${field}: ${message}`);
const about = (resourceAttributes: object) => texts(validateSubjectReview(review({ user: 'joe', resourceAttributes })));

const ONE = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';

test('a review asks about one thing, and for somebody', () => {
  assert.deepEqual(texts(validateSubjectReview(review({}))), [
    `spec.resourceAttributes: Invalid value: null: ${ONE}`,
    'spec.user: Invalid value: "": at least one of user or group must be specified',
  ]);
  assert.deepEqual(texts(validateSelfReview(review({}))), [`spec.resourceAttributes: Invalid value: null: ${ONE}`]);
  assert.deepEqual(texts(validateSelfReview(review({ resourceAttributes: {}, nonResourceAttributes: { path: '/' } }))), [
    'spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":""}: cannot be specified in combination with resourceAttributes',
  ]);
  assert.deepEqual(texts(validateSubjectReview(review({ groups: ['g'], nonResourceAttributes: {} }))), []);
});

test('a review has no metadata but where it is asked', () => {
  const spec = { user: 'joe', resourceAttributes: { namespace: 'ns' } };
  for (const metadata of [{ namespace: 'ns' }, { creationTimestamp: null, labels: {} }, { managedFields: [{}] }])
    assert.deepEqual(texts(validateSubjectReview(review(spec, metadata))), [], JSON.stringify(metadata));
  assert.deepEqual(texts(validateSubjectReview(review(spec, { name: 'x' }))), [
    'metadata: Invalid value: {"name":"x"}: must be empty',
  ]);
  assert.deepEqual(texts(validateLocalReview(review(spec, { namespace: 'ns', labels: { a: 'b' } }), 'ns')), [
    'metadata: Invalid value: {"namespace":"ns","labels":{"a":"b"}}: must be empty except for namespace',
  ]);
});

test('a review of one namespace asks about that one, and about no path', () => {
  const ask = (spec: object) => texts(validateLocalReview(review({ user: 'joe', ...spec }), 'ns'));
  assert.deepEqual(ask({ resourceAttributes: { namespace: 'ns' } }), []);
  assert.deepEqual(ask({ resourceAttributes: {} }), [
    'spec.resourceAttributes.namespace: Invalid value: "": must match metadata.namespace',
  ]);
  assert.deepEqual(ask({ nonResourceAttributes: { path: '/', verb: 'get' } }), [
    'spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":"get"}: disallowed on this kind of request',
  ]);
});

test('a selector is a text or requirements, whose operators need not be known', () => {
  for (const selector of ['fieldSelector', 'labelSelector']) {
    const at = `spec.resourceAttributes.${selector}`;
    const ask = (attributes: object) => about({ [selector]: attributes });
    assert.deepEqual(ask({ rawSelector: 'a=b' }), []);
    assert.deepEqual(ask({ requirements: [{ key: 'a', operator: 'Near', values: ['b'] }] }), []);
    assert.deepEqual(ask({}), [
      `${at}.requirements: Required value: when ${at} is specified, requirements or rawSelector is required`,
    ]);
    assert.deepEqual(ask({ rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'Exists' }] }), [
      `${at}.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`,
    ]);
    assert.deepEqual(
      ask({
        requirements: [
          { key: 'a', operator: 'In' },
          { key: 'a', operator: 'Exists', values: ['b'] },
        ],
      }),
      [
        `${at}.requirements[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
        `${at}.requirements[1].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
      ],
    );
  }
  const nameless = { requirements: [{ key: '', operator: 'In', values: ['b c'] }] };
  assert.deepEqual(about({ fieldSelector: nameless }), [
    'spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified',
  ]);
  assert.deepEqual(
    about({ labelSelector: nameless }).map((text) => text.split(':')[0]),
    ['key', 'key', 'values[0]'].map((field) => `spec.resourceAttributes.labelSelector.requirements[0].${field}`),
  );
});
