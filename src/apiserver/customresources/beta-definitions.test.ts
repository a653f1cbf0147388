import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi } from '../test-api.ts';
import { DEFINITIONS, placeOf, untilCondition, untilGone, widget } from './definition-fixture.ts';

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
  const today = await api.call<{ spec: { versions: { name: string; additionalPrinterColumns: object[] }[] } }>(
    'GET',
    `${DEFINITIONS}/widgets.example.com`,
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

test('it is not served unless it is asked for', async () => {
  const plain = await startTestApi();
  assert.equal((await plain.call('GET', BETA)).status, 404);
  await plain.stop();
});
