import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHost } from './read-host.ts';

const UNIT = '/etc/systemd/system/kubelet.service';

test('a host that says more of itself than any host has is not listened to', () => {
  assert.throws(() => readHost('T /x.service\n'.repeat(30_000)), { code: 'HOST_ANSWER_INVALID' });
});

test('units, their drop-ins and what they lack are read at once, however many there are', () => {
  const printed = Array.from({ length: 6000 }, (_, i) => `T /a/u${i}.service\nN program /p${i}\nT /a/u${i}.service.d/x.conf\n`);
  const { units, missing } = readHost(printed.join(''));
  assert.equal(units.length, 6000);
  assert.deepEqual(missing.at(-1), { unit: '/a/u5999.service', flag: 'program', path: '/p5999' });
});

test('a variable that stands in a command very often does not become gigabytes', () => {
  const value = 'v'.repeat(400_000);
  const printed = [
    `T ${UNIT}`,
    `|Environment=A=${value}`,
    `|ExecStart=/usr/bin/kubelet ${'$A '.repeat(100_000)}--root-dir=/x`,
    '',
  ];
  const [unit] = readHost(printed.join('\n')).units;
  assert.equal(unit!.whole, false);
  assert.equal(unit!.flags.get('root-dir'), '/x');
});
