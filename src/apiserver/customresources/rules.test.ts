import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonSchema, ValidationRule } from '../../api/apiextensions/schema/json-schema.ts';
import { startTestApi, type TestApi } from '../test-api.ts';
import { causesOf, DEFINITIONS, define, placeOf, untilGone, widget, widgets, withSpec } from './definition-fixture.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };

describe('rules', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.stop());

  const ruled = (rules: readonly ValidationRule[], properties: Record<string, JsonSchema>): JsonSchema =>
    withSpec({ type: 'object', 'x-kubernetes-validations': rules, properties });
  /** What is wrong with a definition that has such a schema. */
  const refusal = async (schema: JsonSchema) => {
    const answer = await api.call('POST', DEFINITIONS, widgets({ schema }));
    assert.equal(answer.status, 422, answer.text);
    return causesOf(answer);
  };
  const AT = 'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]';
  const forget = async () => {
    await api.call('DELETE', `${DEFINITIONS}/widgets.example.com`);
    await untilGone(api, 'widgets.example.com');
  };

  test('a rule that names what is not there, cannot be read or is no yes or no is refused with its place', async () => {
    const size = { size: { type: 'integer' } };
    const [unknown] = await refusal(ruled([{ rule: 'self.missing > 1' }], size));
    assert.match(
      unknown!,
      /^spec\.validation.*x-kubernetes-validations\[0\]\.rule: Invalid value: \{"Rule":"self\.missing \\u003e 1"/,
    );
    assert.match(unknown!, /compilation failed: ERROR: <input>:1:5: undefined field 'missing'/);
    const [unread] = await refusal(ruled([{ rule: 'self.size >' }], size));
    assert.match(unread!, /compilation failed: ERROR: <input>:1:\d+: Syntax error: /);
    const [number] = await refusal(ruled([{ rule: 'self.size + 1' }], size));
    assert.match(number!, /cel expression must evaluate to a bool$/);
    const [message] = await refusal(ruled([{ rule: 'self.size > 1', messageExpression: 'self.size' }], size));
    assert.match(message!, /\.messageExpression: Invalid value: .*messageExpression must evaluate to a string$/);
    assert.deepEqual(await refusal(ruled([{ rule: ' ' }], size)), [`${AT}.rule: Required value: rule is not specified`]);
    assert.deepEqual(await refusal(ruled([{ rule: 'self.size > 1', reason: 'Else' }], size)), [
      `${AT}.reason: Unsupported value: "Else": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
    ]);
  });

  test('a rule that could cost too much is refused, and one that does at run time stops', async () => {
    const list = { type: 'array', items: { type: 'array', items: { type: 'string' } } };
    const rule = 'self.list.all(x, x.all(y, y == "x"))';
    const errors = await refusal(ruled([{ rule }], { list }));
    assert.match(
      errors.join('\n'),
      /\.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule/,
    );
    assert.match(
      errors.join('\n'),
      /openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget/,
    );
    // A text made of a number has no bound for upstream either: who wants a number in a message formats it.
    const message = ruled([{ rule: 'true', messageExpression: "'over ' + string(self.size)" }], { size: { type: 'integer' } });
    const unbounded = await api.call('POST', DEFINITIONS, widgets({ schema: message }));
    assert.match(causesOf(unbounded).join(), /messageExpression: Forbidden: estimated messageExpression cost exceeds budget/);
    const bounded = { list: { type: 'array', maxItems: 725, items: { type: 'integer' } } };
    await define(api, widgets({ schema: ruled([{ rule: 'self.list.all(s, self.list.all(t, s + t < 1000000))' }], bounded) }));
    const answer = await api.call('POST', placeOf(), widget('a', { spec: { list: Array.from({ length: 725 }, (_, i) => i) } }));
    assert.equal(answer.status, 422, answer.text);
    assert.match(causesOf(answer).join(), /call cost exceeds limit for rule: self\.list\.all/);
    await forget();
  });

  test('rules say why, at which field, and with which reason', async () => {
    await define(
      api,
      widgets({
        schema: ruled(
          [
            { rule: 'self.size < 5', messageExpression: '"size is %d".format([self.size])' },
            { rule: 'self.shape != "bad"', message: 'no bad shapes', fieldPath: '.shape', reason: 'FieldValueForbidden' },
            { rule: 'self.size != 3' },
            { rule: 'self.x__dash__y == "" || self.__for__ == 1' },
          ],
          {
            size: { type: 'integer', default: 1 },
            shape: { type: 'string', default: 'good' },
            'x-y': { type: 'string', default: '', maxLength: 10 },
            for: { type: 'integer', default: 1 },
          },
        ),
      }),
    );
    const refuse = async (spec: object) => causesOf(await api.call('POST', placeOf(), widget('a', { spec })));
    assert.deepEqual(await refuse({ size: 7 }), ['spec: Invalid value: size is 7']);
    assert.deepEqual(await refuse({ shape: 'bad' }), ['spec.shape: Forbidden: no bad shapes']);
    assert.deepEqual(await refuse({ size: 3 }), ['spec: Invalid value: failed rule: self.size != 3']);
    assert.deepEqual(await refuse({ 'x-y': 'z', for: 2 }), [
      'spec: Invalid value: failed rule: self.x__dash__y == "" || self.__for__ == 1',
    ]);
    assert.equal((await api.call('POST', placeOf(), widget('a', { spec: {} }))).status, 201);
    await forget();
  });

  test('transition rules compare with what was there, item by item where items have keys', async () => {
    const items: JsonSchema = {
      type: 'object',
      required: ['name'],
      properties: {
        name: { type: 'string', maxLength: 10 },
        value: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] },
      },
    };
    const schema = ruled(
      [
        { rule: 'self.fixed == oldSelf.fixed', message: 'fixed is fixed' },
        { rule: 'oldSelf.hasValue() || self.fixed == "first"', optionalOldSelf: true, message: 'must begin with first' },
      ],
      {
        fixed: { type: 'string', maxLength: 10 },
        list: { type: 'array', maxItems: 10, items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
      },
    );
    const loose = structuredClone(schema) as { properties: { spec: { properties: { list: Record<string, unknown> } } } };
    delete loose.properties.spec.properties.list['x-kubernetes-list-type'];
    delete loose.properties.spec.properties.list['x-kubernetes-list-map-keys'];
    assert.match(
      (await refusal(loose as JsonSchema)).join(),
      /oldSelf cannot be used on the uncorrelatable portion of the schema within spec\.validation\.openAPIV3Schema\.properties\[spec\]\.properties\[list\]/,
    );
    await define(api, widgets({ schema }));
    const spec = {
      fixed: 'first',
      list: [
        { name: 'a', value: 1 },
        { name: 'b', value: 5 },
      ],
    };
    assert.deepEqual(causesOf(await api.call('POST', placeOf(), widget('x', { spec: { fixed: 'second' } }))), [
      'spec: Invalid value: must begin with first',
    ]);
    assert.equal((await api.call('POST', placeOf(), widget('a', { spec }))).status, 201);
    const change = async (changed: object) => api.call('PATCH', `${placeOf()}/a`, { spec: changed }, MERGE);
    assert.deepEqual(causesOf(await change({ fixed: 'other' })), ['spec: Invalid value: fixed is fixed']);
    assert.deepEqual(
      causesOf(
        await change({
          list: [
            { name: 'b', value: 2 },
            { name: 'c', value: 0 },
          ],
        }),
      ),
      ['spec.list[0].value: Invalid value: 2: failed rule: self >= oldSelf'],
    );
    assert.equal(
      (
        await change({
          list: [
            { name: 'b', value: 9 },
            { name: 'c', value: 0 },
          ],
        })
      ).status,
      200,
    );
    await forget();
  });

  test('what was wrong before a schema or rule came is let through while it stays as it is', async () => {
    const properties: Record<string, JsonSchema> = {
      size: { type: 'integer' },
      note: { type: 'string' },
      tags: { type: 'array', items: { type: 'string' } },
    };
    await define(api, widgets({ schema: ruled([], properties) }));
    await api.call('POST', placeOf(), widget('a', { spec: { size: 50, note: 'x', tags: ['q', 'q'] } }));
    const stricter = ruled([], {
      size: { type: 'integer', maximum: 10, 'x-kubernetes-validations': [{ rule: 'self < 20' }] },
      note: { type: 'string' },
      tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    });
    const changed = await api.call(
      'PATCH',
      `${DEFINITIONS}/widgets.example.com`,
      { spec: widgets({ schema: stricter }).spec },
      MERGE,
    );
    assert.equal(changed.status, 200, changed.text);
    const let_ = await api.call('PATCH', `${placeOf()}/a`, { spec: { note: 'y' } }, MERGE);
    assert.equal(let_.status, 200, let_.text);
    assert.deepEqual(causesOf(await api.call('PATCH', `${placeOf()}/a`, { spec: { size: 40 } }, MERGE)), [
      'spec.size: Invalid value: 40: spec.size in body should be less than or equal to 10',
      'spec.size: Invalid value: 40: failed rule: self < 20',
    ]);
    await forget();
  });

  test('rules see names, times, durations, bytes, maps, sets and numbers that may be texts', async () => {
    const truths = [
      'self.metadata.name == "a"',
      'self.kind == "Widget" && self.apiVersion == "example.com/v1"',
      'self.spec.when > timestamp("2020-01-01T00:00:00Z")',
      'self.spec.lasts == duration("90s")',
      'self.spec.bytes == b"abc"',
      'self.spec.map.all(k, k.startsWith("x-")) && self.spec.map["x-a"] == 1',
      'self.spec.set == ["b", "a"]',
      'type(self.spec.share) == string ? self.spec.share == "50%" : self.spec.share == 5',
      'self.spec.ratio < 0.75',
      '!has(self.spec.missing) && self.spec.?missing.orValue(7) == 7',
      'self.spec.template.kind == "Pod" && self.spec.template.metadata.name == "p"',
      'self.spec.quantity == "" || quantity(self.spec.quantity).isGreaterThan(quantity("1Gi"))',
    ];
    const properties: Record<string, JsonSchema> = {
      when: { type: 'string', format: 'date-time' },
      lasts: { type: 'string', format: 'duration' },
      bytes: { type: 'string', format: 'byte', maxLength: 20 },
      map: { type: 'object', maxProperties: 5, additionalProperties: { type: 'integer' } },
      set: { type: 'array', maxItems: 5, 'x-kubernetes-list-type': 'set', items: { type: 'string', maxLength: 5 } },
      share: { 'x-kubernetes-int-or-string': true },
      ratio: { type: 'number' },
      missing: { type: 'integer' },
      quantity: { type: 'string', maxLength: 20 },
      template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    };
    const schema: JsonSchema = {
      ...withSpec({ type: 'object', properties }),
      'x-kubernetes-validations': truths.map((rule) => ({ rule })),
    };
    await define(api, widgets({ schema }));
    const spec = {
      when: '2024-01-01T00:00:00Z',
      lasts: '1m30s',
      bytes: 'YWJj',
      map: { 'x-a': 1 },
      set: ['a', 'b'],
      share: '50%',
      ratio: 0.5,
      quantity: '2Gi',
      template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } },
    };
    const made = await api.call('POST', placeOf(), widget('a', { spec }));
    assert.equal(made.status, 201, made.text);
    const broken = await api.call('POST', placeOf(), widget('b', { spec: { ...spec, share: 5, ratio: 0.9 } }));
    assert.deepEqual(causesOf(broken), [
      `<nil>: Invalid value: failed rule: ${truths[0]}`,
      `<nil>: Invalid value: failed rule: ${truths[8]}`,
    ]);
    const unnamed = await api.call('POST', placeOf(), widget('a2', { spec: { ...spec, template: { kind: 'Pod' } } }));
    assert.match(causesOf(unnamed).join(), /spec\.template\.apiVersion: Required value,/);
    await forget();
  });

  test('after errors that make the rest meaningless rules are not run', async () => {
    await define(api, widgets({ schema: ruled([{ rule: 'self.size < 5' }], { size: { type: 'integer' } }) }));
    const answer = await api.call('POST', placeOf(), widget('a', { spec: { size: 'x' } }));
    const unchecked = /^<nil>: Invalid value: "?null"?: some validation rules were not checked because the object was invalid/;
    assert.match(causesOf(answer).at(-1)!, unchecked);
    await forget();
  });
});
