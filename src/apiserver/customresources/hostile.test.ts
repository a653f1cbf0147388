import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonSchema } from '../../api/apiextensions/schema/json-schema.ts';
import { type List, startTestApi, type TestApi } from '../test-api.ts';
import {
  ANYTHING,
  causesOf,
  DEFINITIONS,
  define,
  placeOf,
  untilCondition,
  untilGone,
  widget,
  widgets,
  withSpec,
} from './definition-fixture.ts';

describe('definitions and objects that mean no good', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.stop());

  const forget = async () => {
    await api.call('DELETE', `${DEFINITIONS}/widgets.example.com`);
    await untilGone(api, 'widgets.example.com');
  };

  test('a definition that calls itself what the server keeps itself takes nothing of that with it when it goes', async () => {
    await define(api, widgets());
    const services = '/apis/apiregistration.k8s.io/v1/apiservices/v1.apps';
    for (const [group, plural, kind] of [
      ['apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition'],
      ['apiregistration.k8s.io', 'apiservices', 'APIService'],
    ] as const) {
      const definition = widgets({ group, plural, kind, versions: [{ name: 'v9' }], spec: { scope: 'Cluster' } });
      const annotations = { 'api-approved.kubernetes.io': 'unapproved, an attack' };
      await define(api, { ...definition, metadata: { ...definition.metadata, annotations } });
      const seen = await api.call<List>('GET', `/apis/${group}/v9/${plural}`);
      assert.deepEqual(seen.body.items, []);
      await api.call('DELETE', `${DEFINITIONS}/${plural}.${group}`);
      await untilGone(api, `${plural}.${group}`);
    }
    assert.equal((await api.call('GET', `${DEFINITIONS}/widgets.example.com`)).status, 200);
    assert.equal((await api.call('GET', services)).status, 200);
    await forget();
  });

  test('patterns and formats that would keep a backtracking matcher busy for years are answered', async () => {
    const text = (more: JsonSchema): JsonSchema => ({ type: 'string', ...more });
    const properties: Record<string, JsonSchema> = {
      nested: text({ pattern: '^(a+)+$' }),
      doubled: text({ pattern: '(x+x+)+y' }),
      duration: text({ format: 'duration' }),
      email: text({ format: 'email' }),
      hostname: text({ format: 'hostname' }),
    };
    await define(api, widgets({ schema: withSpec({ type: 'object', properties }) }));
    const long: Readonly<Record<string, string>> = {
      nested: `${'a'.repeat(50_000)}b`,
      doubled: 'x'.repeat(50_000),
      duration: '1'.repeat(200_000),
      email: 'a@'.repeat(100_000),
      hostname: 'a.'.repeat(100_000),
    };
    for (const [field, value] of Object.entries(long)) {
      const answer = await api.call('POST', placeOf(), widget('a', { spec: { [field]: value } }));
      assert.equal(answer.status, 422, field);
      assert.match(causesOf(answer)[0]!, new RegExp(`^spec\\.${field}: Invalid value`));
    }
    await forget();
  });

  test('schemas and values without a bottom are refused', async () => {
    const deep = (levels: number) =>
      ['{"type":"object","properties":{"a":'.repeat(levels), '{"type":"string"}', '}}'.repeat(levels)].join('');
    const made = JSON.stringify(widgets({ schema: withSpec('DEEP' as JsonSchema) }));
    const bottomless = await api.call('POST', DEFINITIONS, made.replace('"DEEP"', deep(4_000)));
    assert.equal(bottomless.status, 400);
    assert.match(bottomless.text, /exceeded max depth/);
    const tooDeep = await api.call('POST', DEFINITIONS, made.replace('"DEEP"', deep(300)));
    assert.match(causesOf(tooDeep).join(), /must not be nested more than 200 levels deep/);
    await define(api, widgets({ schema: withSpec(ANYTHING) }));
    const nested = JSON.stringify(widget('a', { spec: { v: 'NESTED' } })).replace(
      '"NESTED"',
      `${'['.repeat(9_000)}${']'.repeat(9_000)}`,
    );
    const answer = await api.call('POST', placeOf(), nested);
    assert.equal(answer.status, 400);
    assert.match(answer.text, /Widget in version \\"v1\\" cannot be handled as a Widget: exceeded max depth/);
    await forget();
  });

  test('names that every JavaScript object has are names like any other', async () => {
    const schema =
      '{"type":"object","properties":{"__proto__":{"type":"string","default":"d"},"constructor":{"type":"integer"},"toString":{"type":"string"}}}';
    const made = await api.call(
      'POST',
      DEFINITIONS,
      JSON.stringify(widgets({ schema: withSpec('NAMES' as JsonSchema) })).replace('"NAMES"', schema),
    );
    assert.equal(made.status, 201, made.text);
    await untilCondition(api, 'widgets.example.com', 'Established');
    const body = (spec: string) => `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":${spec}}`;
    const wrong = await api.call('POST', placeOf(), body('{"constructor":"x","toString":1}'));
    assert.deepEqual(causesOf(wrong), [
      'spec.constructor: Invalid value: "string": spec.constructor in body must be of type integer: "string"',
      'spec.toString: Invalid value: "integer": spec.toString in body must be of type string: "integer"',
    ]);
    const stored = await api.call('POST', placeOf(), body('{"valueOf":1}'));
    assert.match(stored.text, /"spec":\{"__proto__":"d"\}/);
    assert.match(stored.headers['warning'] ?? '', /unknown field \\"spec\.valueOf\\"/);
    const merged = await api.call('PATCH', `${placeOf()}/a`, '{"spec":{"__proto__":"m","hasOwnProperty":1}}', {
      'content-type': 'application/merge-patch+json',
    });
    assert.match(merged.text, /"spec":\{"__proto__":"m"\}/);
    const applied = await api.call('PATCH', `${placeOf()}/a?fieldManager=x&force=true`, body('{"__proto__":"s"}'), {
      'content-type': 'application/apply-patch+yaml',
    });
    assert.match(applied.text, /"spec":\{"__proto__":"s"\}/);
    assert.equal(({} as Record<string, unknown>)['m'], undefined);
    await forget();
  });

  test('a schema of a megabyte is taken, served and published', async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 8_000 }, (_, i) => [
        `field${i}`,
        { type: 'string', description: 'x'.repeat(80), pattern: `^a{${i % 50}}` } satisfies JsonSchema,
      ]),
    );
    await define(api, widgets({ schema: withSpec({ type: 'object', properties }) }));
    assert.equal((await api.call('POST', placeOf(), widget('a', { spec: { field3: 'aaa' } }))).status, 201);
    const published = await api.call('GET', '/openapi/v3/apis/example.com/v1');
    assert.ok(published.text.includes('"field7999"'));
    await forget();
    assert.equal((await api.call('GET', '/openapi/v3/apis/example.com/v1')).status, 404);
  });
});
