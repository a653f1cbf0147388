/** Whole numbers of 64 bits keep their digits, as upstream's int64 do, wherever an object goes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, startTestApi, type TestApi } from '../test-api.ts';
import { causesOf, define, placeOf, untilCondition, widgets, withSpec } from './definition-fixture.ts';

const MOST = '9223372036854775807';
const ODD = '9007199254740993';
const LEAST = '-9223372036854775808';

const UNCHECKED =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

let api: TestApi;
before(async () => {
  api = await startTestApi();
  const integer = { type: 'integer', format: 'int64' } as const;
  await define(
    api,
    widgets({
      schema: withSpec({
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: {
          id: integer,
          even: { ...integer, multipleOf: 2 },
          small: { ...integer, maximum: 100 },
          ids: { type: 'array', items: integer, 'x-kubernetes-list-type': 'set' },
          keyed: {
            type: 'array',
            items: { type: 'object', required: ['id'], properties: { id: integer, word: { type: 'string' } } },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['id'],
          },
          text: { type: 'string' },
          ruled: {
            ...integer,
            'x-kubernetes-validations': [
              { rule: `self != ${ODD}`, messageExpression: '"not %d".format([self])' },
              { rule: 'self >= oldSelf', message: 'must not shrink' },
            ],
          },
        },
      }),
      versions: [
        {
          additionalPrinterColumns: [
            { name: 'Id', type: 'integer', jsonPath: '.spec.id' },
            { name: 'Number', type: 'number', jsonPath: '.spec.id' },
            { name: 'Text', type: 'string', jsonPath: '.spec.any' },
          ],
        },
      ],
    }),
  );
});
after(() => api.stop());

const body = (name: string, spec: string) =>
  `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"${name}"},"spec":${spec}}`;
const specOf = ({ status, text }: Answer<unknown>): string => {
  assert.ok(status < 300, text);
  return /"spec":(\{.*\})\}/s.exec(text)![1]!;
};
const patch = (name: string, type: string, text: string, query = '') =>
  api.call('PATCH', `${placeOf()}/${name}${query}`, text, { 'content-type': `application/${type}` });

test('created, read, listed, watched, shown in YAML and indented: always the same digits', async () => {
  const spec = `{"any":[${LEAST},{"deep":${ODD}}],"id":${MOST}}`;
  assert.equal(specOf(await api.call('POST', placeOf(), body('a', spec))), spec);
  assert.equal(specOf(await api.call('GET', `${placeOf()}/a`)), spec);
  assert.ok((await api.call('GET', placeOf())).text.includes(spec));
  const watched = await api.call('GET', `${placeOf()}?watch=1&timeoutSeconds=1`);
  assert.ok(watched.text.includes(spec), watched.text);
  const yaml = await api.call('GET', `${placeOf()}/a`, undefined, { accept: 'application/yaml' });
  for (const line of [`id: ${MOST}`, `- ${LEAST}`, `deep: ${ODD}`]) assert.ok(yaml.text.includes(line), yaml.text);
  const pretty = await api.call('GET', `${placeOf()}/a?pretty=true`);
  assert.ok(pretty.text.includes(`    "id": ${MOST}\n`), pretty.text);
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const table = await api.call('GET', `${placeOf()}?includeObject=None`, undefined, { accept });
  assert.ok(table.text.includes(`"cells":["a",${MOST},${MOST},"[${LEAST},{\\"deep\\":${ODD}}]"]`), table.text);
});

test('given in YAML, beside numbers that are none of 64 bits', async () => {
  const yaml = `apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: inyaml\nspec:\n  id: ${MOST}\n  any: [0x7fffffffffffffff, 9223372036854775808, 1.0, 5]\n`;
  const made = await api.call('POST', placeOf(), yaml, { 'content-type': 'application/yaml' });
  assert.equal(specOf(made), `{"id":${MOST},"any":[${MOST},9223372036854776000,1,5]}`);
});

test('a number that no double can hold is refused as upstream refuses it, and none is stored as null', async () => {
  const made = await api.call<{ message: string }>('POST', placeOf(), body('huge', '{"any":[1e400]}'));
  const why = 'json: cannot unmarshal number 1e400 into Go value of type float64';
  assert.deepEqual([made.status, made.body.message], [400, `Widget in version "v1" cannot be handled as a Widget: ${why}`]);
  await api.call('POST', placeOf(), body('huge', '{"any":1}'));
  for (const type of ['merge-patch+json', 'json-patch+json', 'apply-patch+yaml']) {
    const text = type.startsWith('json') ? '[{"op":"add","path":"/spec/any","value":1e400}]' : body('huge', '{"any":1e400}');
    const answer = await patch('huge', type, text, '?fieldManager=m');
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, /1e400|Inf/);
  }
  assert.equal(specOf(await api.call('GET', `${placeOf()}/huge`)), '{"any":1}');
});

test('patches of each kind carry and compare them', async () => {
  await api.call('POST', placeOf(), body('p', `{"id":${MOST},"any":{"a":${ODD}}}`));
  assert.equal(
    specOf(await patch('p', 'merge-patch+json', `{"spec":{"any":{"b":${LEAST}}}}`)),
    `{"id":${MOST},"any":{"a":${ODD},"b":${LEAST}}}`,
  );
  const tested = await patch('p', 'json-patch+json', `[{"op":"test","path":"/spec/any/a","value":9007199254740992}]`);
  assert.equal(tested.status, 422, tested.text);
  const json = `[{"op":"test","path":"/spec/any/a","value":${ODD}},{"op":"copy","from":"/spec/any/a","path":"/spec/any/c"},{"op":"remove","path":"/spec/any/b"}]`;
  assert.equal(specOf(await patch('p', 'json-patch+json', json)), `{"id":${MOST},"any":{"a":${ODD},"c":${ODD}}}`);
});

test('applied: values of sets and keys of lists are told apart by their last digit, and owned', async () => {
  const apply = (manager: string, spec: string) => patch('s', 'apply-patch+yaml', body('s', spec), `?fieldManager=${manager}`);
  await apply('one', `{"ids":[${ODD}],"keyed":[{"id":${ODD},"word":"a"}]}`);
  const both = await apply('two', `{"ids":[9007199254740992],"keyed":[{"id":9007199254740992,"word":"b"}]}`);
  assert.equal(
    specOf(both),
    `{"ids":[${ODD},9007199254740992],"keyed":[{"id":${ODD},"word":"a"},{"id":9007199254740992,"word":"b"}]}`,
  );
  assert.ok(both.text.includes(`"v:${ODD}":{}`) && both.text.includes(`"k:{\\"id\\":${ODD}}"`), both.text);
  const conflict = await apply('two', `{"keyed":[{"id":${ODD},"word":"c"}]}`);
  assert.equal(conflict.status, 409);
  assert.ok(conflict.text.includes(`.spec.keyed[id=${ODD}].word`), conflict.text);
});

test('bounds, multiples, types and enumerations see each digit', async () => {
  const refused = async (spec: string) => causesOf(await api.call('POST', placeOf(), body('r', spec)));
  assert.deepEqual(await refused(`{"small":${MOST}}`), [
    `spec.small: Invalid value: ${MOST}: spec.small in body should be less than or equal to 100`,
  ]);
  assert.deepEqual(await refused(`{"even":${MOST}}`), [
    `spec.even: Invalid value: ${MOST}: spec.even in body should be a multiple of 2`,
  ]);
  assert.deepEqual(await refused('{"id":9223372036854775808}'), [
    'spec.id: Invalid value: "float64": spec.id in body must be of type int64: "float64"',
    '<nil>: Invalid value: "": Checked value must be of type integer with format int64 in spec.id',
    UNCHECKED,
  ]);
  assert.deepEqual(await refused(`{"text":${MOST}}`), [
    'spec.text: Invalid value: "integer": spec.text in body must be of type string: "integer"',
    UNCHECKED,
  ]);
});

test('rules compute with them', async () => {
  assert.deepEqual(causesOf(await api.call('POST', placeOf(), body('c', `{"ruled":${ODD}}`))), [
    `spec.ruled: Invalid value: ${ODD}: not ${ODD}`,
  ]);
  assert.equal(specOf(await api.call('POST', placeOf(), body('c', `{"ruled":${MOST}}`))), `{"ruled":${MOST}}`);
  const shrunk = await patch('c', 'merge-patch+json', '{"spec":{"ruled":9223372036854775806}}');
  assert.deepEqual(causesOf(shrunk), ['spec.ruled: Invalid value: 9223372036854775806: must not shrink']);
});

test('a default keeps its digits, in the definition and in what it fills', async () => {
  const schema = withSpec({ type: 'object', default: {}, properties: { id: { type: 'integer', default: 'ID' } } });
  const gadgets = widgets({ plural: 'gadgets', kind: 'Gadget', schema });
  const made = await api.call(
    'POST',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    JSON.stringify(gadgets).replace('"ID"', ODD),
  );
  assert.ok(made.text.includes(`"default":${ODD}`), made.text);
  await untilCondition(api, 'gadgets.example.com', 'Established');
  const place = placeOf('v1', { plural: 'gadgets' });
  const filled = await api.call('POST', place, { apiVersion: 'example.com/v1', kind: 'Gadget', metadata: { name: 'g' } });
  assert.equal(specOf(filled), `{"id":${ODD}}`);
});

test('built-in kinds: an int64 is exact in JSON and protobuf, what is larger is refused, a raw part keeps all', async () => {
  const pod = (seconds: string) =>
    `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"terminationGracePeriodSeconds":${seconds},"containers":[{"name":"c","image":"i"}]}}`;
  const place = '/api/v1/namespaces/default/pods';
  const made = await api.call('POST', place, pod(MOST));
  assert.ok(made.text.includes(`"terminationGracePeriodSeconds":${MOST}`), made.text);
  const protobuf = await api.transport.request({
    method: 'GET',
    path: `${place}/p`,
    headers: { accept: 'application/vnd.kubernetes.protobuf' },
  });
  const bytes: Uint8Array[] = [];
  for await (const chunk of protobuf.body) bytes.push(chunk);
  // Field 4 of a pod's spec, and 63 bits that are set.
  assert.ok(Buffer.concat(bytes).includes(Buffer.from('20ffffffffffffffff7f', 'hex')));
  const large = await api.call('POST', place, pod('18446744073709551615'));
  assert.equal(large.status, 400, large.text);
  const revision = `{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"r"},"revision":${ODD},"data":{"a":${ODD}}}`;
  const kept = await api.call('POST', '/apis/apps/v1/namespaces/default/controllerrevisions', revision);
  assert.ok(kept.text.includes(`"data":{"a":${ODD}}`) && kept.text.includes(`"revision":${ODD}`), kept.text);
});
