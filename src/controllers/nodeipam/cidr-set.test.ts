import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CidrSet } from './cidr-set.ts';

test('parts are given out in order and go round before they are used again', () => {
  const set = new CidrSet('10.64.0.0/22', 24);
  assert.deepEqual([set.allocate(), set.allocate()], ['10.64.0.0/24', '10.64.1.0/24']);
  set.release('10.64.0.0/24');
  assert.deepEqual([set.allocate(), set.allocate(), set.allocate()], ['10.64.2.0/24', '10.64.3.0/24', '10.64.0.0/24']);
  assert.equal(set.allocate(), undefined);
});

test('IPv6 parts are written in short form', () => {
  const set = new CidrSet('fd00:10:64::/56', 64);
  assert.deepEqual([set.allocate(), set.allocate()], ['fd00:10:64::/64', 'fd00:10:64:1::/64']);
});

test('a range that is wider or narrower than a part occupies every part it touches', () => {
  const set = new CidrSet('10.0.0.0/16', 24);
  assert.equal(set.occupy('10.0.0.0/23'), true);
  assert.equal(set.occupy('10.0.2.128/25'), true);
  assert.equal(set.occupy('10.1.0.0/16'), false);
  assert.equal(set.occupy('fd00::/64'), false);
  assert.equal(set.allocate(), '10.0.3.0/24');
});

test('a service range around the whole cluster range leaves nothing', () => {
  const set = new CidrSet('10.0.0.0/16', 24);
  set.occupy('10.0.0.0/8');
  assert.equal(set.allocate(), undefined);
});

test('masks and ranges that do not fit are refused by name', () => {
  assert.throws(() => new CidrSet('10.0.0.0/24', 16), /mask size 16 does not fit cluster CIDR 10\.0\.0\.0\/24/);
  assert.throws(() => new CidrSet('fd00::/32', 64), /mask size 64 does not fit/);
  assert.throws(() => new CidrSet('10.0.0.0', 24), /invalid CIDR address: 10\.0\.0\.0/);
});

test('whatever is taken and given back, no part is given twice', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1, max: 15 })), (steps) => {
      const set = new CidrSet('172.16.0.0/20', 24);
      const held: string[] = [];
      for (const step of steps) {
        if (step >= 0 && held[step] !== undefined) set.release(held.splice(step, 1)[0]!);
        else {
          const part = set.allocate();
          if (held.length === 16) assert.equal(part, undefined);
          else {
            assert.ok(part !== undefined && !held.includes(part));
            held.push(part);
          }
        }
      }
    }),
  );
});
