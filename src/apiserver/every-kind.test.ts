/** What upstream's suites ask of each kind by itself («should support … API operations»), asked of every kind that is served. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { allKinds } from '../api/all-kinds.ts';
import { apiVersionOf, type KindDefinition, type PartSubresource } from '../api/machinery/kind.ts';
import type { KubeObject } from '../api/machinery/object.ts';
import { olderKinds } from '../api/older/older-kinds.ts';
import { minimalObjects } from './minimal-objects.ts';
import { type Answer, type List, startTestApi, type TestApi } from './test-api.ts';

let api: TestApi;
let make: Awaited<ReturnType<typeof minimalObjects>>;
before(async () => {
  make = await minimalObjects();
  api = await startTestApi({ runtimeConfig: { 'api/all': true } });
});
after(() => api.stop());

type Fetched = KubeObject & Record<string, unknown>;

const LABEL = 'every-kind';
/** Some kinds orphan by default, which is a controller's work. */
const AT_ONCE = 'gracePeriodSeconds=0&propagationPolicy=Background';
const SELECTED = `labelSelector=${LABEL}%3Dyes`;

function collectionOf(kind: KindDefinition): string {
  const root = `/${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}`;
  return `${root}${kind.namespaced ? '/namespaces/default' : ''}/${kind.resource}`;
}

async function succeed<T = Fetched>(wanted: number, ...call: Parameters<TestApi['call']>): Promise<T> {
  const answer: Answer<T> = await api.call<T>(...call);
  assert.equal(answer.status, wanted, `${call[0]} ${call[1]}: ${answer.text}`);
  return answer.body;
}

const mergePatch = (path: string, patch: object) =>
  succeed(200, 'PATCH', path, JSON.stringify(patch), { 'content-type': 'application/merge-patch+json' });

/** The types of events from a revision on, until all of these have been seen, or ten seconds are over. */
async function watchedTypes(collection: string, resourceVersion: string, wanted: readonly string[]): Promise<string[]> {
  const abort = new AbortController();
  const path = `${collection}?watch=1&timeoutSeconds=10&resourceVersion=${resourceVersion}&${SELECTED}`;
  const answer = await api.transport.request({ method: 'GET', path, headers: {}, signal: abort.signal });
  const seen: string[] = [];
  let text = '';
  for await (const chunk of answer.body) {
    text += Buffer.from(chunk).toString();
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      seen.push((JSON.parse(text.slice(0, at)) as { type: string }).type);
      text = text.slice(at + 1);
    }
    if (wanted.every((type) => seen.includes(type))) break;
  }
  abort.abort(new DOMException('enough', 'AbortError'));
  return seen;
}

function objectOf(
  kind: KindDefinition,
  index: number,
): Fetched & { metadata: { name: string; labels?: Record<string, string> } } {
  const object = make(kind, index) as ReturnType<typeof objectOf> | undefined;
  assert.ok(object, `write down a minimal object of ${apiVersionOf(kind)} ${kind.kind} in minimal-objects.ts`);
  object.metadata.labels = { ...object.metadata.labels, [LABEL]: 'yes' };
  return object;
}

async function statusOnlyChangesStatus(part: PartSubresource, path: string): Promise<void> {
  const before = await succeed(200, 'GET', `${path}/${part.name}`);
  const patched = await mergePatch(`${path}/${part.name}`, {
    metadata: { annotations: { patched: part.name } },
    spec: { unknownToAll: null },
  });
  assert.deepEqual(patched['spec'], before['spec']);
  const put = await succeed(200, 'PUT', `${path}/${part.name}`, patched);
  assert.deepEqual(put['spec'], before['spec']);
  assert.equal(put.metadata?.uid, before.metadata?.uid);
  assert.equal(put.metadata?.generation, before.metadata?.generation, 'a status is not what is wanted');
}

async function supportsOperations(kind: KindDefinition): Promise<void> {
  const collection = collectionOf(kind);
  const start = await succeed<List>(200, 'GET', collection);
  const names: string[] = [];
  for (let i = 0; i < 3; i++) {
    const created = await succeed(201, 'POST', collection, objectOf(kind, i));
    assert.ok(created.metadata?.uid && created.metadata.creationTimestamp && created.metadata.resourceVersion);
    assert.equal(created.apiVersion, apiVersionOf(kind));
    assert.equal(created.kind, kind.kind);
    names.push(created.metadata.name!);
  }
  const taken = await api.call('POST', collection, objectOf(kind, 0));
  assert.equal(taken.status, 409, `a name that is taken: ${taken.text}`);

  const path = `${collection}/${names[0]}`;
  const got = await succeed(200, 'GET', path);
  const listed = await succeed<List>(200, 'GET', `${collection}?${SELECTED}`);
  assert.deepEqual(listed.items.map(({ metadata }) => metadata?.name).sort(), [...names].sort());
  assert.equal(listed.kind, `${kind.kind}List`);
  const selectedByName = await succeed<List>(200, 'GET', `${collection}?fieldSelector=metadata.name%3D${names[1]}`);
  assert.deepEqual(
    selectedByName.items.map(({ metadata }) => metadata?.name),
    [names[1]],
  );
  if (kind.namespaced) {
    const everywhere = await succeed<List>(200, 'GET', `${collection.replace('/namespaces/default', '')}?${SELECTED}`);
    assert.equal(everywhere.items.length, 3);
  }
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const table = await succeed<{ rows: unknown[] }>(200, 'GET', `${collection}?${SELECTED}`, undefined, { accept });
  assert.equal(table.rows.length, 3);

  const patched = await mergePatch(path, { metadata: { annotations: { patched: 'yes' } } });
  assert.equal(patched.metadata?.annotations?.['patched'], 'yes');
  assert.deepEqual({ ...patched, metadata: undefined }, { ...got, metadata: undefined }, 'a patch of metadata changes no more');
  patched.metadata!.labels = { ...patched.metadata!.labels, updated: 'yes' };
  const updated = await succeed(200, 'PUT', path, patched);
  assert.equal(updated.metadata?.labels?.['updated'], 'yes');
  const stale = await api.call('PUT', path, { ...updated, metadata: { ...updated.metadata, resourceVersion: '1' } });
  assert.equal(stale.status, 409, `an update of what has changed since: ${stale.text}`);
  const again = await succeed(200, 'PUT', path, updated);
  assert.equal(again.metadata?.resourceVersion, updated.metadata?.resourceVersion, 'an update that changes nothing');
  const status = kind.parts.find(({ name }) => name === 'status');
  if (status) await statusOnlyChangesStatus(status, path);

  const dry = await succeed(200, 'PUT', `${path}?dryRun=All`, {
    ...(await succeed(200, 'GET', path)),
  });
  assert.equal(dry.metadata?.name, names[0]);
  await succeed(200, 'DELETE', `${path}?${AT_ONCE}`);
  if (kind.verbs.includes('deletecollection')) await succeed(200, 'DELETE', `${collection}?${SELECTED}&${AT_ONCE}`);
  else for (const name of names.slice(1)) await succeed(200, 'DELETE', `${collection}/${name}?${AT_ONCE}`);
  const types = ['ADDED', 'MODIFIED', ...(keepsFinalizers(kind) ? [] : ['DELETED'])];
  const seen = await watchedTypes(collection, start.metadata.resourceVersion!, types);
  assert.equal(seen[0], 'ADDED');
  assert.deepEqual(
    types.filter((type) => !seen.includes(type)),
    [],
  );
  if (keepsFinalizers(kind)) return;
  const left = await succeed<List>(200, 'GET', `${collection}?${SELECTED}`);
  assert.deepEqual(left.items, []);
}

/** What a controller must let go of first: there is none here. */
const keepsFinalizers = ({ group, resource }: KindDefinition) =>
  (group === '' && resource === 'namespaces') || (group === 'apiextensions.k8s.io' && resource === 'customresourcedefinitions');

const stored = [...allKinds, ...olderKinds].filter(({ storage }) => storage === 'stored');
for (const kind of stored) test(`${apiVersionOf(kind)} ${kind.kind} supports all operations`, () => supportsOperations(kind));

test('every kind and part is found by discovery, with its verbs', async () => {
  for (const kind of [...allKinds, ...olderKinds]) {
    const root = `/${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}`;
    const { body } = await api.call<{ resources: { name: string; kind: string; verbs: string[]; namespaced: boolean }[] }>(
      'GET',
      root,
    );
    const found = body.resources.find(({ name }) => name === kind.resource);
    assert.equal(found?.kind, kind.kind, `${apiVersionOf(kind)} ${kind.kind}`);
    assert.deepEqual(found.verbs, [...kind.verbs].sort());
    for (const { name } of [...kind.parts, ...kind.actions])
      assert.ok(
        body.resources.some((each) => each.name === `${kind.resource}/${name}`),
        `${kind.resource}/${name}`,
      );
  }
});
