import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi } from '../test-api.ts';
import { causesOf, DEFINITIONS, placeOf, untilCondition, untilGone, widget } from './definition-fixture.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi({ runtimeConfig: { 'apiextensions.k8s.io/v1beta1': true } });
});
after(() => api.stop());

const BETA = '/apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions';

test('a manifest of 2018 without a schema is served, keeps every field, and is shown in both versions', async () => {
  const manifest = {
    apiVersion: 'apiextensions.k8s.io/v1beta1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      version: 'v1',
      names: { plural: 'widgets', kind: 'Widget' },
      additionalPrinterColumns: [{ name: 'Size', type: 'integer', JSONPath: '.spec.size' }],
    },
  };
  const made = await api.call<{ spec: Record<string, unknown> }>('POST', BETA, manifest);
  assert.equal(made.status, 201, made.text);
  assert.match(
    made.headers['warning'] ?? '',
    /apiextensions\.k8s\.io\/v1beta1 CustomResourceDefinition is deprecated in v1\.16\+/,
  );
  assert.equal(made.body.spec['preserveUnknownFields'], true);
  assert.equal(made.body.spec['scope'], 'Namespaced');
  await untilCondition(api, 'widgets.example.com', 'Established');
  const today = await api.call<{
    spec: { versions: { name: string; additionalPrinterColumns: object[] }[] };
    status: { conditions: { type: string; status: string; reason: string; message: string }[] };
  }>('GET', `${DEFINITIONS}/widgets.example.com`);
  const unstructured = today.body.status.conditions.find(({ type }) => type === 'NonStructuralSchema');
  assert.deepEqual(
    [unstructured?.status, unstructured?.reason, unstructured?.message],
    ['True', 'Violations', 'spec.preserveUnknownFields: Invalid value: true: must be false'],
  );
  assert.deepEqual(today.body.spec.versions, [
    {
      name: 'v1',
      served: true,
      storage: true,
      additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
    },
  ]);
  const kept = await api.call<{ spec: object }>('POST', placeOf(), widget('a', { spec: { size: 3, anything: { goes: 1 } } }));
  assert.deepEqual(kept.body.spec, { size: 3, anything: { goes: 1 } });
  const table = await api.call<{ rows: { cells: unknown[] }[] }>('GET', placeOf(), undefined, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  assert.deepEqual(table.body.rows[0]!.cells, ['a', 3]);
  await api.call('DELETE', `${BETA}/widgets.example.com`);
  await untilGone(api, 'widgets.example.com');
});

test('what is said twice or in the wrong place is refused, and so are defaults', async () => {
  const schema = { openAPIV3Schema: { type: 'object', properties: { size: { type: 'integer' } } } };
  const causes = async (spec: object) => {
    const names = { plural: 'gadgets', kind: 'Gadget' };
    const body = { metadata: { name: 'gadgets.example.com' }, spec: { group: 'example.com', names, ...spec } };
    const answer = await api.call('POST', `${BETA}?dryRun=All`, {
      apiVersion: 'apiextensions.k8s.io/v1beta1',
      kind: 'CustomResourceDefinition',
      ...body,
    });
    return answer.status === 201 ? [] : causesOf(answer);
  };
  const versions = (more: object) => [{ name: 'v1', served: true, storage: true, ...more }];
  assert.deepEqual(await causes({ versions: versions({}), validation: schema }), []);
  const twice = (await causes({ versions: versions({ schema }), validation: schema })).join('\n');
  assert.match(twice, /spec\.validation: Forbidden: top-level and per-version schemas are mutually exclusive/);
  assert.match(twice, /spec\.versions: Invalid value: .*per-version schemas may not all be set to identical values/);
  assert.deepEqual(await causes({ version: 'v2', versions: versions({}) }), [
    'spec.version: Invalid value: "v2": must match the first version in spec.versions',
  ]);
  const defaults = { openAPIV3Schema: { type: 'object', properties: { size: { type: 'integer', default: 1 } } } };
  for (const preserveUnknownFields of [true, false])
    assert.deepEqual(await causes({ version: 'v1', validation: defaults, preserveUnknownFields }), [
      'spec.validation.openAPIV3Schema.properties[size].default: Forbidden: must not be set (cannot set default values in apiextensions.k8s.io/v1beta1 CRDs, must use apiextensions.k8s.io/v1)',
    ]);
});

test('it is not served unless it is asked for', async () => {
  const plain = await startTestApi();
  assert.equal((await plain.call('GET', BETA)).status, 404);
  await plain.stop();
});
