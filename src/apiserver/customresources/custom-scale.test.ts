import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Scale } from '../../api/gen/types.ts';
import type { ManagedFieldsEntry } from '../../api/machinery/object.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { startTestApi, type TestApi } from '../test-api.ts';
import { ANYTHING, define, placeOf, widgets } from './definition-fixture.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };

interface Widget {
  metadata: { managedFields: ManagedFieldsEntry[] };
  spec: { size?: { want: number } };
}

let api: TestApi;
before(async () => {
  api = await startTestApi();
  const scale = {
    specReplicasPath: '.spec.size.want',
    statusReplicasPath: '.status.size',
    labelSelectorPath: '.status.selector',
  };
  const schema = { type: 'object', properties: { spec: ANYTHING, status: ANYTHING } } as const;
  await define(api, widgets({ schema, versions: [{ subresources: { status: {}, scale } }] }));
});
after(() => api.stop());

const make = async (name: string, spec: object) => {
  const body = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name }, spec };
  const made = await api.call('POST', `${placeOf()}?fieldManager=maker`, body);
  assert.equal(made.status, 201, made.text);
};
const scale = (name: string, replicas: number) => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name },
  spec: { replicas },
});

test('a custom resource is scaled where its definition says', async () => {
  await make('sized', { size: { want: 2 } });
  await api.call('PATCH', `${placeOf()}/sized/status`, { status: { size: 1, selector: 'app=sized' } }, MERGE);
  const read = await api.call<V1Scale>('GET', `${placeOf()}/sized/scale`);
  assert.deepEqual([read.body.spec, read.body.status], [{ replicas: 2 }, { replicas: 1, selector: 'app=sized' }]);
  const { body } = await api.call<V1Scale>('PUT', `${placeOf()}/sized/scale`, scale('sized', 5));
  assert.deepEqual(body.spec, { replicas: 5 });
  const { spec } = (await api.call<Widget>('GET', `${placeOf()}/sized`)).body;
  assert.equal(spec.size?.want, 5);
  const negative = await api.call<Status>('PATCH', `${placeOf()}/sized/scale`, { spec: { replicas: -1 } }, MERGE);
  assert.equal(negative.status, 422);
  assert.match(
    negative.body.message!,
    /^Widget\.example\.com "sized" is invalid: \.spec\.size\.want: Invalid value: -1: should be a non-negative integer$/,
  );
});

test('what says nothing of replicas has no scale, and may be given one', async () => {
  await make('unsized', {});
  const { status, body } = await api.call<Status>('GET', `${placeOf()}/unsized/scale`);
  assert.equal(status, 500);
  assert.equal(body.message, 'Internal error occurred: the spec replicas field ".spec.size.want" does not exist');
  const patch = (patched: unknown, type: string) =>
    api.call<Status>('PATCH', `${placeOf()}/unsized/scale`, patched, { 'content-type': type });
  const left = await patch({ metadata: { labels: null } }, 'application/merge-patch+json');
  assert.deepEqual([left.status, left.body.message], [400, 'the spec replicas field ".spec.size.want" cannot be empty']);
  const replaced = await patch([{ op: 'replace', path: '/spec/replicas', value: 3 }], 'application/json-patch+json');
  assert.equal(replaced.status, 200, replaced.text);
  await api.call('PATCH', `${placeOf()}/unsized`, { spec: { size: null } }, MERGE);
  const given = await api.call<V1Scale>('PUT', `${placeOf()}/unsized/scale`, scale('unsized', 1));
  assert.deepEqual(given.body.spec, { replicas: 1 });
});

test('a scale without a name is refused before anybody looks for what it is of', async () => {
  const { status, body } = await api.call<Status>('PUT', `${placeOf()}/absent/scale`, {});
  assert.equal(status, 400);
  assert.match(body.message!, /the name of the object \(absent based on URL\) was undeterminable: name must be provided/);
});

test('who applies a custom resource’s scale comes to own the field that stands for it', async () => {
  await make('owned', { size: { want: 1 } });
  const apply = (query: string) => api.call<Status>('PATCH', `${placeOf()}/owned/scale?${query}`, scale('owned', 3), APPLY);
  assert.equal((await apply('fieldManager=auto')).status, 409);
  assert.equal((await apply('fieldManager=auto&force=true')).status, 200);
  const { body } = await api.call<Widget>('GET', `${placeOf()}/owned`);
  const entry = body.metadata.managedFields.find(({ manager }) => manager === 'auto')!;
  assert.deepEqual(
    [entry.operation, entry.apiVersion, entry.subresource, entry.fieldsV1],
    ['Apply', 'example.com/v1', 'scale', { 'f:spec': { 'f:size': { 'f:want': {} } } }],
  );
});

test('a part that a definition has not is told as an object that is not there', async () => {
  await make('whole', {});
  for (const part of ['nosuch', 'exec']) {
    const { status, body } = await api.call<Status>('GET', `${placeOf()}/whole/${part}`);
    assert.deepEqual([status, body.message], [404, 'widgets.example.com "whole" not found'], part);
  }
});

test('the table of a scale, and its metadata alone, say which version they are of', async () => {
  await make('shown', { size: { want: 2 } });
  const { metadata } = (await api.call<V1Scale>('GET', `${placeOf()}/shown/scale`)).body;
  for (const as of ['Table', 'PartialObjectMetadata']) {
    const accept = { accept: `application/json;as=${as};v=v1;g=meta.k8s.io` };
    const shown = (await api.call<V1Scale>('GET', `${placeOf()}/shown/scale`, undefined, accept)).body;
    assert.equal(shown.metadata!.resourceVersion, metadata!.resourceVersion, as);
  }
});

test('a status that is no map is told of at each path that leads into it', async () => {
  await make('odd', {});
  const odd = await api.call<Status>('PATCH', `${placeOf()}/odd/status`, { status: ['x'] }, MERGE);
  const causes = (odd.body.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
  const why = 'accessor error: [x] is of the type []interface {}, expected map[string]interface{}';
  assert.deepEqual(causes.slice(1), [
    `.status.size: Invalid value: 0: .status.size ${why}`,
    `.status.selector: Invalid value: "": .status.selector ${why}`,
  ]);
});
