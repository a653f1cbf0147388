import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonSchema } from '../../api/apiextensions/schema/json-schema.ts';
import type { Definition } from '../../api/apiextensions/v1/definition.ts';
import { type List, startTestApi, type TestApi } from '../test-api.ts';
import {
  ANYTHING,
  causesOf,
  DEFINITIONS,
  define,
  placeOf,
  untilCondition,
  untilDefinition,
  untilGone,
  widget,
  widgets,
  withSpec,
} from './definition-fixture.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };
type Condition = NonNullable<NonNullable<Definition['status']>['conditions']>[number];
const reasons = ({ status }: Definition) =>
  (status?.conditions ?? []).map(({ type, status: is, reason }: Condition) => [type, is, reason]);

describe('definitions', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.stop());

  const forget = async (name: string) => {
    await api.call('DELETE', `${DEFINITIONS}/${name}`);
    await untilGone(api, name);
  };

  test('what is defined is accepted, established and discovered when its status says so', async () => {
    const made = await define(api, widgets({ spec: { names: { plural: 'widgets', kind: 'Widget', shortNames: ['wi'] } } }));
    assert.deepEqual(reasons(made), [
      ['NamesAccepted', 'True', 'NoConflicts'],
      ['Established', 'True', 'InitialNamesAccepted'],
    ]);
    assert.deepEqual(made.status?.storedVersions, ['v1']);
    assert.deepEqual(made.status?.acceptedNames, {
      plural: 'widgets',
      singular: 'widget',
      kind: 'Widget',
      listKind: 'WidgetList',
      shortNames: ['wi'],
    });
    const { body } = await api.call<{ resources: { name: string; shortNames?: string[] }[] }>('GET', '/apis/example.com/v1');
    assert.deepEqual(
      body.resources.map(({ name, shortNames }) => [name, shortNames]),
      [['widgets', ['wi']]],
    );
    const groups = await api.call<{ groups: { name: string }[] }>('GET', '/apis');
    assert.ok(groups.body.groups.some(({ name }) => name === 'example.com'));
    await forget('widgets.example.com');
    assert.equal((await api.call('GET', '/apis/example.com/v1')).status, 404);
    assert.equal((await api.call('GET', placeOf())).status, 404);
  });

  test('names that another definition has are refused, and had when they are given up', async () => {
    await define(api, widgets({ spec: { names: { plural: 'widgets', kind: 'Widget', shortNames: ['w'] } } }));
    const second = widgets({
      plural: 'gadgets',
      kind: 'Widget',
      spec: { names: { plural: 'gadgets', kind: 'Widget', shortNames: ['w'] } },
    });
    await api.call('POST', DEFINITIONS, second);
    const refused = await untilCondition(api, 'gadgets.example.com', 'NamesAccepted', 'False');
    const condition = refused.status?.conditions?.find(({ type }) => type === 'NamesAccepted');
    assert.deepEqual([condition?.reason, condition?.message], ['ListKindConflict', '"WidgetList" is already in use']);
    assert.deepEqual(reasons(refused)[1], ['Established', 'False', 'NotAccepted']);
    assert.equal((await api.call('GET', placeOf('v1', { plural: 'gadgets' }))).status, 404);
    await forget('widgets.example.com');
    await untilCondition(api, 'gadgets.example.com', 'Established');
    assert.equal((await api.call('GET', placeOf('v1', { plural: 'gadgets' }))).status, 200);
    await forget('gadgets.example.com');
  });

  test('a short name that is given up goes to the one that waits for it', async () => {
    const named = (plural: string, kind: string, shortNames: string[]) =>
      widgets({ plural, kind, spec: { names: { plural, kind, shortNames } } });
    await define(api, named('widgets', 'Widget', ['x']));
    await api.call('POST', DEFINITIONS, named('gadgets', 'Gadget', ['x']));
    await untilCondition(api, 'gadgets.example.com', 'NamesAccepted', 'False');
    await api.call('PATCH', `${DEFINITIONS}/widgets.example.com`, { spec: { names: { shortNames: ['y'] } } }, MERGE);
    const had = await untilCondition(api, 'gadgets.example.com', 'NamesAccepted');
    assert.deepEqual(had.status?.acceptedNames?.shortNames, ['x']);
    await forget('widgets.example.com');
    await forget('gadgets.example.com');
  });

  test('a definition that is deleted takes its objects along, ends their watches and waits for finalizers', async () => {
    await define(api, widgets());
    await api.call('POST', placeOf(), widget('plain'));
    await api.call('POST', placeOf(), widget('held', { metadata: { finalizers: ['example.com/hold'] } }));
    const watch = await api.transport.request({ method: 'GET', path: `${placeOf()}?watch=1`, headers: {} });
    const seen = (async () => {
      let text = '';
      for await (const chunk of watch.body) text += Buffer.from(chunk).toString('utf8');
      return text;
    })();
    const deleted = await api.call<Definition>('DELETE', `${DEFINITIONS}/widgets.example.com`);
    assert.deepEqual(deleted.body.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
    const terminating = await untilDefinition(api, 'widgets.example.com', ({ status }) =>
      status?.conditions?.some(({ reason }) => reason === 'InstanceDeletionInProgress'),
    );
    assert.ok(reasons(terminating).some(([type, is]) => type === 'Terminating' && is === 'True'));
    const refused = await api.call('POST', placeOf(), widget('late'));
    assert.equal(refused.status, 403);
    assert.match(
      refused.text,
      /widgets\.example\.com \\"late\\" is forbidden: create not allowed while custom resource definition is terminating/,
    );
    const freed = await api.call('PATCH', `${placeOf()}/held`, { metadata: { finalizers: null } }, MERGE);
    assert.equal(freed.status, 200, freed.text);
    await untilGone(api, 'widgets.example.com');
    assert.match(await seen, /"type":"DELETED".*"name":"plain"/);
    await define(api, widgets());
    assert.deepEqual((await api.call<List>('GET', placeOf())).body.items, []);
    await forget('widgets.example.com');
  });

  test('a changed schema counts for the next write, and what lies in the store is shown by it', async () => {
    await define(api, widgets({ schema: withSpec(ANYTHING) }));
    await api.call('POST', placeOf(), widget('a', { spec: { size: 1, colour: 'red' } }));
    const watch = await api.transport.request({ method: 'GET', path: `${placeOf()}?watch=1`, headers: {} });
    const ended = (async () => {
      for await (const _ of watch.body);
    })();
    const schema = withSpec({
      type: 'object',
      properties: { size: { type: 'integer', maximum: 5 }, shape: { type: 'string', default: 'round' } },
    });
    const { body: before } = await api.call<Definition>('GET', `${DEFINITIONS}/widgets.example.com`);
    const { resourceVersion } = before.metadata;
    const put = (metadata: object) => api.call('PUT', `${DEFINITIONS}/widgets.example.com`, { ...widgets({ schema }), metadata });
    assert.match(
      causesOf(await put({ name: 'widgets.example.com' })).join(),
      /metadata\.resourceVersion: .*must be specified for an update/,
    );
    const changed = await put({ name: 'widgets.example.com', resourceVersion });
    assert.equal(changed.status, 200, changed.text);
    await ended; // clients of the old schema begin again
    const shown = await api.call<{ spec: object }>('GET', `${placeOf()}/a`);
    assert.deepEqual(shown.body.spec, { size: 1, shape: 'round' });
    const listed = await api.call<List>('GET', placeOf());
    assert.deepEqual(listed.body.items[0]!['spec'], { size: 1, shape: 'round' });
    const refused = await api.call('PATCH', `${placeOf()}/a`, { spec: { size: 9 } }, MERGE);
    assert.deepEqual(causesOf(refused), ['spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5']);
    await forget('widgets.example.com');
  });

  test('a dry run shows what storing makes of an object: defaults of its status, and nothing that the stored version lacks', async () => {
    const status = { type: 'object', default: { phase: 'Waiting' }, properties: { phase: { type: 'string' } } };
    const spec = (field: string) => ({ type: 'object', properties: { [field]: { type: 'string' } } });
    const version = (name: string, storage: boolean, field: string) => ({
      name,
      storage,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: spec(field), status } } },
      subresources: { status: {} },
    });
    await define(api, widgets({ versions: [version('v1', true, 'size'), version('v1beta1', false, 'colour')] }));
    for (const [name, made] of [
      ['v1', { size: 'L' }],
      ['v1beta1', {}],
    ] as const)
      for (const query of ['?dryRun=All', '']) {
        const given = widget(`a-${name}`, { spec: { size: 'L', colour: 'red' }, status: { phase: 'Ready' } }, name);
        const { body } = await api.call('POST', `${placeOf(name)}${query}`, given);
        assert.deepEqual([body['spec'], body['status']], [made, { phase: 'Waiting' }], name + query);
      }
    await forget('widgets.example.com');
  });

  test('a list is of the kind that the definition says', async () => {
    await define(api, widgets({ spec: { names: { plural: 'widgets', kind: 'Widget', listKind: 'Collection' } } }));
    assert.equal((await api.call<List>('GET', placeOf())).body.kind, 'Collection');
    const { body } = await api.call<{ components: { schemas: object } }>('GET', '/openapi/v3/apis/example.com/v1');
    assert.ok('com.example.v1.Collection' in body.components.schemas);
    await forget('widgets.example.com');
  });

  test('an object says of which version it is to be replaced, and finalizers that might be anybody’s are warned of', async () => {
    await define(api, widgets());
    const made = await api.call(
      'POST',
      placeOf(),
      widget('a', { metadata: { finalizers: ['mine', 'example.com', 'example.com/x'] } }),
    );
    assert.equal(made.status, 201, made.text);
    assert.match(
      made.headers['warning'] ?? '',
      /metadata\.finalizers: \\"mine\\": prefer a domain-qualified finalizer name to avoid/,
    );
    assert.match(made.headers['warning'] ?? '', /\\"example\.com\\": prefer a domain-qualified finalizer name including a path/);
    assert.doesNotMatch(made.headers['warning'] ?? '', /example\.com\/x/);
    const replaced = await api.call('PUT', `${placeOf()}/a`, widget('a'));
    assert.equal(replaced.status, 422);
    assert.equal(
      (replaced.body as { message?: string }).message,
      'widgets.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
    await api.call('PATCH', `${placeOf()}/a`, { metadata: { finalizers: null } }, MERGE);
    await forget('widgets.example.com');
  });

  test('what a list holds says of which kind and version it is, as it does alone, in one piece and in pages', async () => {
    await define(api, widgets());
    for (const name of ['a', 'b']) await api.call('POST', placeOf(), widget(name));
    const alone = await api.call<{ apiVersion: string; kind: string }>('GET', `${placeOf()}/a`);
    for (const query of ['', '?limit=1']) {
      const list = await api.call<List>('GET', `${placeOf()}${query}`);
      assert.deepEqual(list.body.items[0], alone.body);
    }
    const whole = await api.call<{ metadata: object }>('GET', placeOf());
    assert.deepEqual(Object.keys(whole.body.metadata), ['continue', 'resourceVersion']);
    await forget('widgets.example.com');
  });

  test('an object that says nothing or something else of its kind is refused as upstream does', async () => {
    await define(api, widgets());
    const refused = async (change: object) => {
      const { status, body } = await api.call<{ message: string }>('POST', placeOf(), { ...widget('a'), ...change });
      return [status, body.message];
    };
    assert.deepEqual(await refused({ kind: undefined }), [
      400,
      `the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in '{"apiVersion":"example.com/v1","metadata":{"name":"a"}}' ({"apiVersion":"example.com/v1" ...)`,
    ]);
    const wrong = 'does not match the expected API version (example.com/v1)';
    assert.deepEqual(await refused({ apiVersion: undefined }), [400, `the API version in the data () ${wrong}`]);
    assert.deepEqual(await refused({ apiVersion: 'v2' }), [400, `the API version in the data (v2) ${wrong}`]);
    assert.deepEqual(await refused({ kind: 'Gadget' }), [
      422,
      'Gadget.example.com "a" is invalid: kind: Invalid value: "Gadget": must be Widget',
    ]);
    await api.call('POST', placeOf(), widget('a'));
    const patched = await api.call<{ message: string }>('PATCH', `${placeOf()}/a`, { apiVersion: 'example.com/v2' }, MERGE);
    assert.deepEqual(
      [patched.status, patched.body.message],
      [422, 'Widget.example.com "a" is invalid: apiVersion: Invalid value: "example.com/v2": must be example.com/v1'],
    );
    await forget('widgets.example.com');
  });

  test('what is in a namespace is nowhere else, and a part knows its own verbs', async () => {
    const scale = { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n' };
    await define(api, widgets({ versions: [{ subresources: { status: {}, scale } }] }));
    await api.call('POST', placeOf(), widget('a', { spec: { n: 1 } }));
    for (const [verb, path] of [
      ['POST', ''],
      ['DELETE', ''],
      ['GET', '/a'],
      ['PATCH', '/a/status'],
    ] as const) {
      const answer = await api.call(verb, `/apis/example.com/v1/widgets${path}`, verb === 'POST' ? widget('b') : undefined);
      assert.deepEqual([answer.status, answer.text], [404, '404 page not found\n'], `${verb} ${path}`);
    }
    assert.equal((await api.call('GET', '/apis/example.com/v1/widgets')).status, 200);
    const deleted = await api.call<{ message: string }>('DELETE', `${placeOf()}/a/status`);
    assert.deepEqual(
      [deleted.status, deleted.body.message],
      [405, 'delete is not supported on resources of kind "widgets.example.com"'],
    );
    const { body } = await api.call<{ resources: { name: string; verbs: string[] }[] }>('GET', '/apis/example.com/v1');
    assert.deepEqual(
      body.resources.map(({ name }) => name),
      ['widgets', 'widgets/status', 'widgets/scale'],
    );
    const strategic = { 'content-type': 'application/strategic-merge-patch+json' };
    for (const part of ['', '/status', '/scale'])
      assert.equal((await api.call('PATCH', `${placeOf()}/a${part}`, { spec: { replicas: 2 } }, strategic)).status, 415, part);
    await forget('widgets.example.com');
  });

  test('embedded metadata that is none, or names nothing, is refused with its path', async () => {
    const template: JsonSchema = { ...ANYTHING, 'x-kubernetes-embedded-resource': true };
    await define(api, widgets({ schema: withSpec({ type: 'object', properties: { template } }) }));
    const refused = async (template: object) =>
      (await api.call<{ message: string }>('POST', placeOf(), widget('a', { spec: { template } }))).body.message;
    assert.equal(
      await refused({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 42 } }),
      'Widget in version "v1" cannot be handled as a Widget: spec.template.metadata: Invalid value: {"namespace":42}: json: cannot unmarshal number into Go struct field ObjectMeta.namespace of type string',
    );
    assert.match(
      await refused({ metadata: { name: '..' } }),
      /is invalid: \[spec\.template\.apiVersion: Required value, spec\.template\.kind: Required value, spec\.template\.metadata\.name: Invalid value: "\.\.": may not be '\.\.'\]$/,
    );
    assert.match(
      await refused({ apiVersion: 'v1', kind: 'Pod', metadata: { managedFields: [{ fieldsType: 'X' }] } }),
      /managedFields\[0\]\.operation: Invalid value: "": must be `Apply` or `Update`, .*\.fieldsType: Invalid value: "X": must be `FieldsV1`\]$/,
    );
    await forget('widgets.example.com');
  });

  test('a group of Kubernetes needs approval', async () => {
    const definition = widgets({ group: 'widgets.k8s.io' });
    const refused = await api.call('POST', DEFINITIONS, definition);
    assert.equal(refused.status, 422);
    assert.match(
      causesOf(refused).join(),
      /metadata\.annotations\[api-approved\.kubernetes\.io\]: Required value: protected groups must have/,
    );
    const annotations = { 'api-approved.kubernetes.io': 'unapproved, experimental-only' };
    const made = await define(api, { ...definition, metadata: { ...definition.metadata, annotations } });
    assert.ok(
      reasons(made).some(
        ([type, is, reason]) =>
          type === 'KubernetesAPIApprovalPolicyConformant' && is === 'False' && reason === 'UnapprovedAnnotation',
      ),
    );
    await forget('widgets.widgets.k8s.io');
  });

  test('scope, group and the kind that was established stay as they are', async () => {
    await define(api, widgets());
    const patched = await api.call(
      'PATCH',
      `${DEFINITIONS}/widgets.example.com`,
      { spec: { scope: 'Cluster', names: { kind: 'Gadget' } } },
      MERGE,
    );
    assert.deepEqual(causesOf(patched), [
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Gadget": field is immutable',
    ]);
    await forget('widgets.example.com');
  });

  test('the table of definitions is upstream’s', async () => {
    const table = await api.call<{ columnDefinitions: { name: string }[] }>('GET', DEFINITIONS, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    assert.deepEqual(
      table.body.columnDefinitions.map(({ name }) => name),
      ['Name', 'Created At'],
    );
  });
});

test('what is defined when the server starts is served before it is ready, and objects are what they were', async () => {
  const { createMemoryStore } = await import('../../store/memory/memory-store.ts');
  const { systemClock } = await import('../../std/clock.ts');
  const store = createMemoryStore({ clock: systemClock });
  const kept = new Proxy(store, {
    get: (target, name) => {
      if (name === 'close') return async () => undefined;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const first = await startTestApi({ store: kept });
  await define(first, widgets());
  await first.call('POST', placeOf(), widget('a', { spec: { x: 1 } }));
  await first.stop();
  const second = await startTestApi({ store: kept });
  const found = await second.call<{ spec: object }>('GET', `${placeOf()}/a`);
  assert.deepEqual(found.body.spec, { x: 1 });
  await second.stop();
  await store.close();
});
