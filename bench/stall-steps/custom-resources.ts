/** Custom resources: large schemas, costly rules, many definitions. */
import { forMany } from '../for-many.ts';
import { type Send, type StallStep, type } from './step.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

type Version = Readonly<Record<string, unknown>>;

function definition(name: string, schema: object, versionsOf = (version: Version) => [version], more: object = {}): string {
  const names = {
    ...more,
    plural: name,
    singular: name,
    kind: name[0]!.toUpperCase() + name.slice(1),
    listKind: `${name[0]!.toUpperCase() + name.slice(1)}List`,
  };
  const openAPIV3Schema = { type: 'object', properties: { spec: schema } };
  const versions = versionsOf({ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } });
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${name}.stall.example.com` },
    spec: { group: 'stall.example.com', scope: 'Namespaced', names, versions },
  });
}

const path = (name: string) => `/apis/stall.example.com/v1/namespaces/default/${name}`;
const object = (name: string, spec: unknown) =>
  JSON.stringify({
    apiVersion: 'stall.example.com/v1',
    kind: name[0]!.toUpperCase() + name.slice(1),
    metadata: { name: 'one' },
    spec,
  });

async function define(send: Send, name: string, schema: object): Promise<void> {
  const answer = await send('POST', DEFINITIONS, definition(name, schema));
  if (answer.status >= 300) throw new Error(answer.body.toString('utf8', 0, 1000));
  for (let i = 0; i < 200; i++) if ((await send('GET', path(name))).status === 200) return;
  throw new Error(`${name} is not served`);
}

const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const texts = { type: 'array', maxItems: 100, items: { type: 'string', maxLength: 40_000 } };
const long = Array.from({ length: 80 }, () => 'ab'.repeat(16_500));

const shortNames = (number: (i: number) => number) => ({ shortNames: Array.from({ length: 60_000 }, (_, i) => `s${number(i)}`) });

function manyProperties(count: number, more?: object): object {
  const property = (i: number) => [
    `property${i}`,
    { type: 'string', maxLength: 100, ...(more ?? { description: `What property ${i} is about.` }) },
  ];
  return { type: 'object', properties: Object.fromEntries(Array.from({ length: count }, (_, i) => property(i))) };
}

export function customResourceSteps(): StallStep[] {
  const create = (name: string, spec: unknown) => (send: Send) => send('POST', path(name), object(name, spec));
  const numbers = Array.from({ length: 1_400_000 }, () => 1);
  const step = (name: string, kind: string, schema: object, spec: unknown): StallStep => ({
    name: `custom ${name}`,
    prepare: (send) => define(send, kind, schema),
    run: create(kind, spec),
    expected: 500,
  });
  const rule = (expression: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ rule: `${expression} && ${i} >= 0` }));
  const bounded = { type: 'array', maxItems: 1000, items: { type: 'integer' } };
  return [
    step('1.4 million numbers', 'numbers', open, { a: numbers }),
    { name: 'custom get numbers', run: (send) => send('GET', path('numbers')) },
    { name: 'custom numbers as yaml', run: (send) => send('GET', path('numbers'), undefined, { accept: 'application/yaml' }) },
    {
      name: 'custom numbers patched',
      run: (send) => send('PATCH', `${path('numbers')}/one`, '{"spec":{"b":1}}', type('merge-patch+json')),
    },
    {
      name: 'custom numbers JSON patch',
      expected: 500,
      run: (send) =>
        send(
          'PATCH',
          `${path('numbers')}/one`,
          JSON.stringify(Array.from({ length: 9_000 }, () => ({ op: 'add', path: '/spec/a/0', value: 1 }))),
          type('json-patch+json'),
        ),
    },
    {
      name: 'custom numbers applied',
      expected: 500,
      run: (send) =>
        send(
          'PATCH',
          `${path('numbers')}/two?fieldManager=a`,
          object('numbers', { a: numbers }).replace('"one"', '"two"'),
          type('apply-patch+yaml'),
        ),
    },
    { name: 'custom numbers deleted', run: (send) => send('DELETE', path('numbers')) },
    step(
      'typed numbers',
      'typed',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'integer' } } } },
      { a: numbers },
    ),
    step(
      'wrong numbers',
      'wrong',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } },
      { a: numbers },
    ),
    step(
      'set of texts',
      'sets',
      { type: 'object', properties: { a: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } } } },
      { a: Array.from({ length: 200_000 }, (_, i) => `text-${i}`) },
    ),
    step(
      'map list',
      'maplist',
      {
        type: 'object',
        properties: {
          a: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['k'],
            items: { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: { type: 'string' } } },
          },
        },
      },
      { a: Array.from({ length: 80_000 }, (_, i) => ({ k: `key-${i}`, v: 'v' })) },
    ),
    {
      name: 'custom map list updated',
      run: (send) =>
        send(
          'PATCH',
          `${path('maplist')}/one`,
          JSON.stringify({ spec: { a: Array.from({ length: 80_000 }, (_, i) => ({ k: `key-${i}`, v: 'w' })) } }),
          type('merge-patch+json'),
        ),
    },
    {
      name: 'custom map list applied',
      run: (send) =>
        send(
          'PATCH',
          `${path('maplist')}/two?fieldManager=a`,
          object('maplist', { a: Array.from({ length: 80_000 }, (_, i) => ({ k: `key-${i}`, v: 'v' })) }).replace(
            '"one"',
            '"two"',
          ),
          type('apply-patch+yaml'),
        ),
    },
    {
      name: 'custom map list applied again',
      run: (send) =>
        send(
          'PATCH',
          `${path('maplist')}/two?fieldManager=b`,
          object('maplist', { a: Array.from({ length: 80_000 }, (_, i) => ({ k: `key-${i}`, v: 'v' })) }).replace(
            '"one"',
            '"two"',
          ),
          type('apply-patch+yaml'),
        ),
    },
    step(
      'enum of 5,000',
      'enums',
      {
        type: 'object',
        properties: {
          a: { type: 'array', items: { type: 'string', enum: Array.from({ length: 5_000 }, (_, i) => `value-${i}`) } },
        },
      },
      { a: Array.from({ length: 200_000 }, () => 'value-4999') },
    ),
    step(
      'any of 500',
      'anyofs',
      {
        type: 'object',
        properties: {
          a: { type: 'array', items: { type: 'string', anyOf: Array.from({ length: 500 }, (_, i) => ({ minLength: 10 + i })) } },
        },
      },
      { a: Array.from({ length: 200_000 }, () => 'v') },
    ),
    step(
      'patterns',
      'patterns',
      { type: 'object', properties: { a: { ...texts, items: { ...texts.items, pattern: '^(a|b)*a(a|b){500}$' } } } },
      { a: long },
    ),
    step(
      'rule of a pattern',
      'patternrule',
      {
        type: 'object',
        properties: {
          a: { ...texts, 'x-kubernetes-validations': [{ rule: "self.exists(x, x.matches('^(a|b)*a(a|b){20}$'))" }] },
        },
      },
      { a: long },
    ),
    step(
      'rules',
      'rules',
      {
        type: 'object',
        properties: {
          a: { ...bounded, maxItems: 90, 'x-kubernetes-validations': rule('self.all(x, self.all(y, x + y < 1000000))', 20) },
        },
      },
      { a: Array.from({ length: 90 }, (_, i) => i) },
    ),
    step(
      'rules of items',
      'itemrules',
      {
        type: 'object',
        properties: {
          a: {
            type: 'array',
            items: {
              type: 'object',
              properties: { n: { type: 'integer' } },
              'x-kubernetes-validations': [{ rule: 'self.n >= 0' }],
            },
          },
        },
      },
      { a: Array.from({ length: 300_000 }, () => ({ n: 1 })) },
    ),
    {
      name: 'custom definition of 8,000 properties',
      prepare: async () => undefined,
      run: (send) => define(send, 'wide', manyProperties(8_000)),
    },
    {
      name: 'custom definition of 45,000 properties',
      prepare: async () => undefined,
      run: (send) => define(send, 'widest', manyProperties(45_000, {})),
    },
    {
      name: 'custom definition of 10,000 versions',
      run: (send) =>
        send(
          'POST',
          DEFINITIONS,
          definition('versions', open, (version) =>
            Array.from({ length: 10_000 }, (_, i) => ({ ...version, name: `v${i + 1}`, storage: i === 0 })),
          ),
        ),
    },
    {
      name: 'custom definition of 10,000 versions deleted',
      run: (send) => send('DELETE', `${DEFINITIONS}/versions.stall.example.com`),
    },
    {
      name: 'custom definition of 60,000 short names changed',
      prepare: (send) =>
        send(
          'POST',
          DEFINITIONS,
          definition(
            'shorts',
            open,
            undefined,
            shortNames((i) => i),
          ),
        ),
      run: (send) =>
        send(
          'PATCH',
          `${DEFINITIONS}/shorts.stall.example.com`,
          JSON.stringify({ spec: { names: shortNames((i) => 60_000 - i) } }),
          type('merge-patch+json'),
        ),
    },
    {
      name: 'custom object of 80,000 finalizers',
      prepare: async (send) => {
        await define(send, 'finals', open);
        const finalizers = Array.from({ length: 80_000 }, (_, i) => `example.com/f${i}`);
        await send(
          'POST',
          path('finals'),
          object('finals', {}).replace('"one"', `"one","finalizers":${JSON.stringify(finalizers)}`),
        );
      },
      run: (send) => send('PATCH', `${path('finals')}/one`, '{"spec":{"a":1}}', type('merge-patch+json')),
    },
    { name: 'custom OpenAPI v2', run: (send) => send('GET', '/openapi/v2') },
    {
      name: 'custom OpenAPI v2 protobuf',
      run: (send) =>
        send('GET', '/openapi/v2', undefined, { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' }),
    },
    { name: 'custom OpenAPI v3 index', run: (send) => send('GET', '/openapi/v3') },
    { name: 'custom OpenAPI v3', run: (send) => send('GET', '/openapi/v3/apis/stall.example.com/v1') },
    { name: 'custom OpenAPI v3 core', run: (send) => send('GET', '/openapi/v3/api/v1') },
    {
      name: 'custom object of 8,000 properties',
      run: create('wide', Object.fromEntries(Array.from({ length: 8_000 }, (_, i) => [`property${i}`, 'v']))),
    },
    {
      name: 'custom definition updated',
      run: (send) =>
        send('PATCH', `${DEFINITIONS}/wide.stall.example.com`, '{"metadata":{"labels":{"a":"b"}}}', type('merge-patch+json')),
    },
    {
      name: 'custom definition of nested schemas',
      run: (send) =>
        define(
          send,
          'nested',
          Array.from({ length: 100 }).reduce(
            (inner: object) => ({ type: 'object', properties: { a: inner } }),
            manyProperties(100),
          ),
        ),
    },
    {
      name: 'custom 300 definitions',
      run: (send) => forMany(300, (i) => send('POST', DEFINITIONS, definition(`many${i}s`, manyProperties(50))), 8),
    },
    {
      name: 'custom discovery',
      run: (send) =>
        send('GET', '/apis', undefined, { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' }),
    },
    { name: 'custom OpenAPI v2 of 300', run: (send) => send('GET', '/openapi/v2') },
    { name: 'custom OpenAPI v3 of 300', run: (send) => send('GET', '/openapi/v3/apis/stall.example.com/v1') },
    {
      name: 'custom list of definitions',
      run: (send) => send('GET', DEFINITIONS, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
    },
    { name: 'custom definitions deleted', run: (send) => send('DELETE', DEFINITIONS) },
  ];
}
