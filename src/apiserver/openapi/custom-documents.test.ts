import assert from 'node:assert/strict';
import { test } from 'node:test';
import { define, widgets, withSpec } from '../customresources/definition-fixture.ts';
import { startTestApi } from '../test-api.ts';

type Document = Record<string, unknown> & {
  components: { schemas: Record<string, Record<string, unknown>> };
  definitions: Record<string, Record<string, unknown>>;
  paths: Record<string, Record<string, { parameters?: { name?: string; $ref?: string }[] } & Record<string, unknown>>>;
};

test('the documents of custom resources say of lists, scales and selectable fields what upstream’s say', async (t) => {
  const api = await startTestApi();
  t.after(() => api.stop());
  const schema = withSpec({ type: 'object', properties: { replicas: { type: 'integer' }, host: { type: 'string' } } });
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
  const version = { subresources: { scale }, selectableFields: [{ jsonPath: '.spec.host' }] };
  await define(api, widgets({ versions: [{ ...version, schema: { openAPIV3Schema: schema } }] }));
  const v3 = (await api.call<Document>('GET', '/openapi/v3/apis/example.com/v1')).body;
  const list = v3.components.schemas['com.example.v1.WidgetList']!;
  assert.equal(list['description'], 'WidgetList is a list of Widget');
  const { items, metadata } = list['properties'] as Record<string, Record<string, unknown>>;
  assert.match(String(items!['description']), /^List of widgets\. More info: /);
  const meta = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
  assert.deepEqual(metadata!['allOf'], [{ $ref: meta }]);
  const selectable = [{ fieldPath: 'spec.host' }];
  assert.deepEqual(list['x-kubernetes-selectable-fields'], selectable);
  assert.deepEqual(v3.components.schemas['com.example.v1.Widget']!['x-kubernetes-selectable-fields'], selectable);
  const item = '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}';
  assert.deepEqual(v3.paths[`${item}/scale`]!['put']!['x-kubernetes-group-version-kind'], {
    group: 'example.com',
    version: 'v1',
    kind: 'Widget',
  });
  assert.deepEqual(
    v3.paths[item]!['get']!.parameters!.map(({ name }) => name),
    ['resourceVersion'],
  );
  const v2 = (await api.call<Document>('GET', '/openapi/v2')).body;
  assert.deepEqual(v2.definitions['com.example.v1.WidgetList']!['x-kubernetes-selectable-fields'], selectable);
  const removed = v2.paths['/apis/example.com/v1/namespaces/{namespace}/widgets']!['delete']!.parameters!;
  assert.ok(removed.some(({ $ref = '' }) => $ref.startsWith('#/parameters/allowWatchBookmarks-')));
});
