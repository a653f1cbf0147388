/** Whatever JSON stands where something else should, in any field of any kind, the client is told so; the server is never to blame. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { allKinds } from '../api/all-kinds.ts';
import type { JsonSchema } from '../api/apiextensions/schema/json-schema.ts';
import { apiVersionOf, type KindDefinition } from '../api/machinery/kind.ts';
import type { Status } from '../api/machinery/status-error.ts';
import { exactJsonText, parseExactJson } from '../std/exact-json.ts';
import { ANYTHING, define, placeOf, widget, widgets } from './customresources/definition-fixture.ts';
import { minimalObjects } from './minimal-objects.ts';
import { startTestApi, type TestApi } from './test-api.ts';

let api: TestApi;
let make: Awaited<ReturnType<typeof minimalObjects>>;
before(async () => {
  make = await minimalObjects();
  api = await startTestApi({ runtimeConfig: { 'api/all': true } });
});
after(() => api.stop());

/** Names that JavaScript has uses of its own for: an object that has them cannot be made a text, a number, or be awaited. */
const word = fc.constantFrom(
  ...['toString', 'valueOf', '__proto__', 'constructor', 'hasOwnProperty', 'length', 'then', 'toJSON', 'a'],
  ...['$patch', '$retainKeys', '$setElementOrder/containers', '$deleteFromPrimitiveList/finalizers'],
);
const scalar = fc.constantFrom<unknown>(
  null,
  true,
  false,
  0,
  -1,
  1e308,
  0.5,
  2 ** 53 + 2,
  2n ** 63n - 1n,
  '',
  'a',
  '__proto__',
  '\u0000',
  '\ud800',
);
const { hostile } = fc.letrec<{ hostile: unknown }>((tie) => ({
  hostile: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('hostile'), { maxLength: 3 }),
    fc
      .array(fc.tuple(word, tie('hostile')), { maxLength: 3 })
      // As JSON gives it: `__proto__` is a key like others.
      .map((entries) =>
        parseExactJson(`{${entries.map(([key, value]) => `${JSON.stringify(key)}:${exactJsonText(value)}`).join()}}`),
      ),
  ),
}));

type Path = readonly (string | number)[];

/** Every place in a value, itself included. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, Array.isArray(value) ? Number(key) : key])),
  ];
}

function replaced(value: unknown, [first, ...rest]: Path, by: unknown): unknown {
  if (first === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[first] = replaced(copy[first], rest, by);
  return copy;
}

/** Only what is in the way of the replaced value: a patch of it alone. */
function onlyAt(value: unknown, [first, ...rest]: Path, by: unknown): unknown {
  if (first === undefined) return by;
  if (typeof first === 'number') {
    const item = (value as unknown[])[first];
    const name = (item as { name?: unknown } | null)?.name;
    const inner = onlyAt(item, rest, by);
    return [typeof inner === 'object' && inner !== null && name !== undefined && rest[0] !== 'name' ? { name, ...inner } : inner];
  }
  return { [first]: onlyAt((value as Record<string, unknown>)[first], rest, by) };
}

function collectionOf(kind: KindDefinition): string {
  return `/${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}${kind.namespaced ? '/namespaces/default' : ''}/${kind.resource}`;
}

async function send(method: string, path: string, body: unknown, type: string): Promise<void> {
  const text = exactJsonText(body);
  const answer = await api.call<Status>(method, path, text, { 'content-type': type });
  const shown = `${method} ${path} ${type} ${text.slice(0, 2000)} => ${answer.text.slice(0, 1000)}`;
  // Upstream, too, answers 500 for an apply configuration that does not fit its schema, and for a strategic patch whose directives or
  // keys make no sense, but gives no reason.
  if (answer.status >= 400) assert.notEqual(answer.body.reason, 'InternalError', shown);
  if (answer.status >= 500) assert.match(type, /^application\/(apply-patch\+yaml|strategic-merge-patch\+json)$/, shown);
}

/** More for a longer search. */
const RUNS = Number(process.env['HOSTILE_RUNS'] ?? 25);

interface Target {
  readonly collection: string;
  readonly object: { readonly metadata: { readonly name: string } };
  readonly apiVersion: string;
  readonly kind: string;
}

/** Sends the object with a hostile value in one of its places, by every way of writing. */
async function tryEveryWrite({ collection, object, apiVersion, kind }: Target): Promise<void> {
  const path = `${collection}/${object.metadata.name}?dryRun=All`;
  await api.call('POST', collection, object);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...placesOf(object)), hostile, word, async (place, value, more) => {
      for (const put of [value, { [more]: value }]) {
        const patch = onlyAt(object, place, put);
        await send('PATCH', path, patch, 'application/merge-patch+json');
        await send('PATCH', path, patch, 'application/strategic-merge-patch+json');
      }
      const body = replaced(object, place, value);
      await send('POST', `${collection}?dryRun=All`, body, 'application/json');
      await send('PUT', path, body, 'application/json');
      const pointer = place.map((part) => `/${part}`).join('');
      for (const op of ['add', 'replace', 'test'])
        await send('PATCH', path, [{ op, path: pointer, value }], 'application/json-patch+json');
      const apply = replaced({ apiVersion, kind, ...object }, place, value);
      await send('PATCH', `${path}&fieldManager=f&force=true`, apply, 'application/apply-patch+yaml');
    }),
    { numRuns: RUNS, verbose: 1 },
  );
}

for (const kind of allKinds.filter(({ storage }) => storage === 'stored'))
  test(`hostile values in a ${kind.kind} of ${apiVersionOf(kind)}`, { timeout: 3_000_000 }, async () => {
    const object = make(kind, 0) as unknown as Target['object'];
    await tryEveryWrite({ collection: collectionOf(kind), object, apiVersion: apiVersionOf(kind), kind: kind.kind });
  });

test('hostile values in a custom resource with rules, columns, a scale and lists by key', { timeout: 3_000_000 }, async () => {
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  };
  const item = { type: 'object', properties: { name: { type: 'string' }, value: ANYTHING }, required: ['name'] } as const;
  const spec = {
    ...ANYTHING,
    properties: {
      items: { type: 'array', items: item, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
      words: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
      port: { 'x-kubernetes-int-or-string': true },
      picked: { enum: ['a', { toString: 1 }], 'x-kubernetes-preserve-unknown-fields': true },
      filled: { ...ANYTHING, default: { toString: 1 } },
      ruled: {
        type: 'object',
        additionalProperties: ANYTHING,
        'x-kubernetes-validations': [{ rule: 'self.size() < 3', messageExpression: '"at most 2, not %d".format([self.size()])' }],
      },
    },
  } as unknown as JsonSchema;
  const additionalPrinterColumns = [
    { name: 'Any', type: 'string', jsonPath: '.spec.any' },
    { name: 'All', type: 'string', jsonPath: '.spec.items[*].value' },
    { name: 'When', type: 'date', jsonPath: '.spec.any' },
  ];
  const selectableFields = [{ jsonPath: '.spec.word' }];
  const properties = {
    spec: { ...spec, properties: { ...spec.properties, word: { type: 'string' } } },
    status: ANYTHING,
  } as const;
  const version = { subresources: { scale }, additionalPrinterColumns, selectableFields };
  await define(api, widgets({ schema: { type: 'object', properties }, versions: [version] }));
  const object = widget('w', {
    spec: {
      replicas: 1,
      any: 'x',
      word: 'w',
      port: 'http',
      picked: 'a',
      filled: { a: 1 },
      ruled: { a: {} },
      words: ['a'],
      items: [{ name: 'a', value: { a: 1 } }],
    },
    status: { replicas: 1, selector: 'a=b' },
  }) as unknown as Target['object'];
  await tryEveryWrite({ collection: placeOf(), object, apiVersion: 'example.com/v1', kind: 'Widget' });
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  await fc.assert(
    fc.asyncProperty(hostile, async (any) => {
      const patch = exactJsonText({ spec: { any, filled: any, items: [{ name: 'a', value: any }] } });
      await api.call('PATCH', `${placeOf()}/w`, patch, { 'content-type': 'application/merge-patch+json' });
      for (const path of [placeOf(), `${placeOf()}/w`, `${placeOf()}?fieldSelector=spec.word%3Dw`]) {
        const shown = await api.call('GET', path, undefined, { accept });
        assert.equal(shown.status, 200, `${patch} => ${shown.text}`);
      }
      assert.equal((await api.call('GET', `${placeOf()}/w/scale`)).status, 200);
    }),
    { numRuns: RUNS },
  );
});
