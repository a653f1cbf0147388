import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { complete, type Shape } from './complete-document.ts';
import { listProblems } from './problem-list.ts';
import { parseConfiguration } from './read-configuration.ts';

const RULE: Shape = {
  fields: { name: 'string', open: 'bool', count: 'int', ttl: 'duration', wait: 'optional duration', tags: 'strings' },
};
const SHAPE = { fields: { rules: { listOf: RULE }, rule: RULE, anything: 'any' } } as const satisfies Shape;
const read = (text: string, kind?: string) =>
  parseConfiguration(text, { flag: 'some-config', path: '/f', shape: SHAPE, ...(kind && { kind }) });
const HEAD = 'apiVersion: v1\nkind: Thing\n';

test('the first document of a YAML text counts, and aliases stand for what they name', async () => {
  const rules = [{ name: 'a' }];
  for (const text of [
    `${HEAD}rules: [{name: a}]\n`,
    `---\n${HEAD}rules:\n- name: a\n`,
    `# about\n--- # one\n${HEAD}rules: [{name: a}]\n---\nrules: 7\n`,
    `%YAML 1.1\n---\n${HEAD}rules: [{name: a}]\n...\nnonsense: [\n`,
    `${HEAD}rules: [{name: &n a}]\nanything: *n\n`,
    JSON.stringify({ apiVersion: 'v1', kind: 'Thing', rules }),
  ])
    assert.deepEqual((await read(text)).document['rules'], rules, text);
  assert.deepEqual((await read(`${HEAD}rule: {open: yes, count: 010}\n`)).document, { rule: { open: true, count: 8 } });
});

test('what is null is not there, and empty in a list', async () => {
  const text =
    '{"apiVersion":"v1","kind":"Thing","rule":null,"rules":[null,{"name":null,"tags":["a",null],"wait":null}],"anything":null}';
  assert.deepEqual((await read(text)).document, { rules: [{}, { tags: ['a', ''] }] });
});

test('what a strict decoder refuses is named in the order of the text', async () => {
  const problems = async (text: string) => (await read(text)).strictProblems;
  const json = '{"apiVersion":"v1","kind":"Thing","more":1,"rules":[{"name":"a","name":"b","__proto__":{}}]}';
  assert.deepEqual(await problems(json), [
    'unknown field "more"',
    'duplicate field "rules[0].name"',
    'unknown field "rules[0].__proto__"',
  ]);
  assert.deepEqual(await problems(`${HEAD}rules: [{name: a}]\nrules: []\nmore: 1\n`), [
    'yaml: unmarshal errors:\n  line 4: key "rules" already set in map',
    'unknown field "more"',
  ]);
});

test('what cannot be read is refused by flag, file and field', async () => {
  for (const [text, why] of [
    ['', "Object 'Kind' is missing"],
    ['# nothing\n', "Object 'Kind' is missing"],
    ['kind: ""\napiVersion: v1', "Object 'Kind' is missing"],
    ['kind: Thing', "Object 'apiVersion' is missing"],
    ['kind: Thing\napiVersion: 1', "couldn't get version/kind; apiVersion: must be a string"],
    ['[]', 'the document is no object'],
    ['{"kind":', "couldn't get version/kind; json parse error: unexpected end of JSON input"],
    [
      '{"kind": c2VjcmV0IGlz}',
      "couldn't get version/kind; json parse error: invalid character 'c' looking for beginning of value",
    ],
    [`${HEAD}rules: {}`, 'rules: must be a list'],
    [`${HEAD}rules: [x]`, 'rules[0]: must be an object'],
    [`${HEAD}rule: {name: 1}`, 'rule.name: must be a string'],
    [`${HEAD}rule: {open: 1}`, 'rule.open: must be a boolean'],
    [`${HEAD}rule: {count: 1.5}`, 'rule.count: must be an integer'],
    [`${HEAD}rule: {ttl: 5}`, 'rule.ttl: must be a duration'],
    [`${HEAD}rule: {ttl: 1d}`, 'time: unknown unit "d" in duration "1d"'],
    [`${HEAD}rule: {ttl: null}`, 'time: invalid duration ""'],
  ] as const)
    await assert.rejects(read(text), { code: 'CONFIGURATION_FILE', message: `--some-config /f: ${why}` });
  await assert.rejects(read('a: [b'), /^CodedError: --some-config \/f: yaml: line 1: /);
  assert.equal((await read('apiVersion: v1', 'Thing')).kind, 'Thing');
});

test('any document becomes one of its shape or is refused', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const completed = complete({ rule: value, rules: [value], anything: value }, SHAPE);
      if ('problem' in completed) assert.notEqual(completed.problem, '');
      else assert.ok(Object.keys(completed.value as object).every((name) => Object.hasOwn(SHAPE.fields, name)));
    }),
  );
});

test('problems are told together, each once', () => {
  assert.equal(listProblems(['a']), 'a');
  assert.equal(listProblems(['a', 'b', 'a']), '[a, b]');
});
