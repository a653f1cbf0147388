import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { commandFlags, commandWords } from './command-words.ts';

test('a command is taken apart as systemd does: quotes, escapes, values behind an equals sign or a blank', () => {
  const command = String.raw`/usr/bin/kubelet --config "/etc/kube conf/kubelet.yaml" '--root-dir=/data/my kubelet' --a="b c" --d=/e\x20f --g\ h -v 2 --end`;
  assert.deepEqual(commandWords(command), [
    ...['/usr/bin/kubelet', '--config', '/etc/kube conf/kubelet.yaml', '--root-dir=/data/my kubelet', '--a=b c', '--d=/e f'],
    ...['--g h', '-v', '2', '--end'],
  ]);
  assert.deepEqual(
    [...commandFlags(command)],
    [
      ['config', '/etc/kube conf/kubelet.yaml'],
      ['root-dir', '/data/my kubelet'],
      ['a', 'b c'],
      ['d', '/e f'],
      ['end', ''],
    ],
  );
});

test('whatever stands there, words come of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('-', '=', 'a', ' ', '"', "'", '\\', '\n', '$', 'x20') }), (command) => {
      for (const word of commandWords(command)) assert.equal(typeof word, 'string');
      commandFlags(command);
    }),
  );
});
