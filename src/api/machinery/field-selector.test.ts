import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defineKind } from './define-kind.ts';
import { checkFieldSelector, parseFieldSelector } from './field-selector.ts';

test('terms are compared with the fields they name', () => {
  const fields: Record<string, string> = { 'status.phase': 'Running', 'spec.nodeName': '' };
  const get = (field: string) => fields[field] ?? '';
  for (const [text, expected] of [
    ['', true],
    ['status.phase=Running', true],
    ['status.phase==Running', true],
    ['status.phase!=Running', false],
    ['status.phase=Running,spec.nodeName=', true],
    ['status.phase=Running,spec.nodeName!=', false],
    [',,status.phase=Running,', true],
  ] as const)
    assert.equal(parseFieldSelector(text).matches(get), expected, text);
});

test('the one value that a field must have is known', () => {
  const selector = parseFieldSelector('metadata.name=a,spec.nodeName!=b');
  assert.equal(selector.exact('metadata.name'), 'a');
  assert.equal(selector.exact('spec.nodeName'), undefined);
});

test('what is no selector is refused in upstream words', () => {
  assert.throws(() => parseFieldSelector('a=b,c'), { message: "invalid selector: 'a=b,c'; can't understand 'c'", code: 400 });
  assert.throws(() => parseFieldSelector('a=b=c'), { message: 'invalid field selector: unescaped character in value: 61' });
  assert.throws(() => parseFieldSelector('a=b\\x'), { message: 'invalid field selector: invalid escape sequence: \\x' });
  assert.throws(() => parseFieldSelector('a=b\\'), { message: 'invalid field selector: invalid escape sequence: \\' });
});

test('escaped values survive writing and reading', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z.]{1,9}$/), fc.constantFrom('=', '!='), fc.string(), (field, operator, value) => {
      const text = `${field}${operator}${value.replace(/[\\,=]/g, '\\$&')}`;
      const [requirement] = parseFieldSelector(text).requirements;
      assert.deepEqual(requirement, { field, operator, value });
      assert.equal(parseFieldSelector(text).toString(), text);
    }),
  );
});

test('a kind can be selected by its own fields and by name and namespace only', () => {
  const names = { group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true };
  const pods = defineKind({ ...names, selectableFields: { 'spec.nodeName': () => '' } });
  checkFieldSelector(pods, parseFieldSelector('metadata.name=a,metadata.namespace=b,spec.nodeName=c'));
  assert.throws(() => checkFieldSelector(pods, parseFieldSelector('spec.foo=c')), {
    message: 'field label not supported: spec.foo',
  });
  assert.throws(() => checkFieldSelector(defineKind(names), parseFieldSelector('spec.foo=c')), {
    message: '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
  });
});

test('what stands before the first operator is the field, whatever it is', () => {
  assert.deepEqual(parseFieldSelector('a\\=b').requirements, [{ field: 'a\\', operator: '=', value: 'b' }]);
  assert.throws(() => parseFieldSelector('a\\=b!=c'), /unescaped character in value: 61/);
});

test('each field is asked for once, however much is said of it', () => {
  const selector = parseFieldSelector(Array.from({ length: 50_000 }, (_, i) => `metadata.name!=n${i}`).join());
  let asked = 0;
  const named = (name: string) => () => {
    asked++;
    return name;
  };
  assert.equal(selector.matches(named('x')), true);
  assert.equal(selector.matches(named('n49999')), false);
  assert.equal(asked, 2);
  const both = parseFieldSelector('a=1,a=2,b!=3');
  for (const value of ['1', '2', '3', ''])
    assert.equal(
      both.matches(() => value),
      false,
      value,
    );
  assert.equal(
    parseFieldSelector('a=1,a==1,a!=2').matches(() => '1'),
    true,
  );
});
