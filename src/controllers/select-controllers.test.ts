import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTROLLER_FACTORIES } from './controller-factories.ts';
import { KNOWN_CONTROLLERS } from './known-controllers.ts';
import { selectControllers } from './select-controllers.ts';

const enabled = (...selectors: string[]) => selectControllers(selectors).enabled.map((c) => c.name);

test('* is everything but what must be named', () => {
  const all = enabled('*');
  assert.ok(all.includes('certificatesigningrequest-signing-controller'));
  assert.ok(!all.includes('token-cleaner-controller') && !all.includes('bootstrap-signer-controller'));
  assert.ok(enabled('*', 'bootstrapsigner', 'tokencleaner').includes('token-cleaner-controller'));
});

test('old and new names mean the same, - switches off, the first mention counts', () => {
  assert.deepEqual(enabled('csrsigning'), enabled('certificatesigningrequest-signing-controller'));
  assert.ok(!enabled('*', '-csrsigning').includes('certificatesigningrequest-signing-controller'));
  assert.ok(!enabled('-csrsigning', 'csrsigning', '*').includes('certificatesigningrequest-signing-controller'));
});

test('an unknown name is an error that names it, and so is one that is not to be had', () => {
  assert.throws(() => selectControllers(['*', 'foo']), /"foo" is not in the list of known controllers/);
  assert.throws(() => selectControllers(['-bar']), /"bar" is not in the list of known controllers/);
  assert.throws(() => selectControllers(['route']), /controller "route" is not part of this controller manager/);
  assert.deepEqual(enabled('-statefulset'), []);
  // What newer releases have may be switched off all the same.
  assert.deepEqual(enabled('-device-taint-eviction-controller', '-selinux-warning-controller'), []);
});

test('every supported controller can be made, and nothing else', () => {
  const supported = KNOWN_CONTROLLERS.filter((c) => c.supported).map((c) => c.name);
  assert.deepEqual(Object.keys(CONTROLLER_FACTORIES).sort(), supported.sort());
});
