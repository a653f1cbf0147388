import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkConfigKey,
  checkDns1035Label,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkPathSegment,
  checkPortName,
  checkQualifiedName,
  generateName,
} from './names.ts';

test('names that upstream allows are allowed', () => {
  assert.deepEqual(checkDnsLabel('my-name'), []);
  assert.deepEqual(checkDnsSubdomain('a.b-c.d1'), []);
  assert.deepEqual(checkDns1035Label('a1'), []);
  assert.deepEqual(checkPathSegment('node-csr--D4dHL7X46JjCdsgIGfevcD5ArvL9W4aR5bvi5_WmR4'), []);
  assert.deepEqual(checkPathSegment('system:node'), []);
  assert.deepEqual(checkQualifiedName('node-role.kubernetes.io/control-plane'), []);
  assert.deepEqual(checkLabelValue(''), []);
  assert.deepEqual(checkConfigKey('ca.crt'), []);
  assert.deepEqual(checkPortName('https'), []);
});

test('names that upstream refuses are refused in its words', () => {
  assert.deepEqual(checkDnsSubdomain('A'), [
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ]);
  assert.match(checkDnsLabel('a_b')[0]!, /\(e\.g\. 'my-name', {2}or '123-abc', regex used/);
  assert.deepEqual(checkDnsLabel('a.b'), ['must not contain dots']);
  assert.deepEqual(checkDnsLabel('a'.repeat(64)), ['must be no more than 63 characters']);
  assert.match(checkDns1035Label('1a')[0]!, /a DNS-1035 label must consist/);
  assert.deepEqual(checkPathSegment('..'), ["may not be '..'"]);
  assert.deepEqual(checkPathSegment('a/%'), ["may not contain '/'", "may not contain '%'"]);
  assert.match(checkQualifiedName('a/b/c')[0]!, /^a valid label key must consist of/);
  assert.deepEqual(checkQualifiedName('a'.repeat(64)), ['name part must be no more than 63 bytes']);
  assert.deepEqual(checkLabelValue('a'.repeat(64)), ['must be no more than 63 bytes']);
  assert.deepEqual(checkQualifiedName('/a'), ['prefix part must be non-empty']);
  assert.match(checkQualifiedName('a/')[0]!, /name part must be non-empty/);
  assert.deepEqual(checkConfigKey('..a'), ["must not start with '..'"]);
  assert.deepEqual(checkPortName('a--'), ['must not contain consecutive hyphens', 'must not begin or end with a hyphen']);
});

test('a line break at the end does not slip through', () => {
  for (const check of [checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkConfigKey]) assert.notDeepEqual(check('a\n'), []);
});

test('a generated name fits, keeps its prefix and has five lucky characters', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{0,80}$/),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (prefix, numbers) => {
        const name = generateName(prefix, () => numbers.next().value!);
        assert.ok(name.length <= 63 && name.startsWith(prefix.slice(0, 58)));
        assert.match(name.slice(-5), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      },
    ),
  );
});
