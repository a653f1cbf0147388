import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlags } from '../../std/flags.ts';
import type { DaemonState } from '../local/daemon-state.ts';
import { ownIdentity } from '../local/process-identity.ts';
import { checkRunning } from './check-running.ts';
import { readUpOptions, UP_FLAGS } from './up-options.ts';

const running: DaemonState = {
  ...ownIdentity(),
  ...{ state: 'ready', name: 'c', startedAtMs: 0, server: 'https://127.0.0.1:6443', nodes: ['node-1', 'node-2'] },
  store: 'sqlite',
  runtimeConfig: { 'apps/v1beta1': 'true' },
};
const asked = (state: DaemonState, ...argv: string[]) =>
  checkRunning(state, readUpOptions(parseFlags('up', UP_FLAGS, argv), { cwd: '/', env: {} }));

test('what a running cluster is not is refused, whatever flag asks for it', () => {
  const refusals: readonly (readonly [string[], RegExp])[] = [
    [['--nodes=3'], /running with 2 nodes, not 3/],
    [['--port=7000'], /not port 7000/],
    [['--runtime=containerd'], /hollow nodes only/],
    [['--network=flannel'], /which have no network/],
    [['--store=memory'], /running with store sqlite, not memory; "muster down --name c" deletes it/],
    [['--store=etcd=http://10.0.0.1:2379'], /with store sqlite, not etcd=/],
    [['--etcd-cafile=/ca.pem'], /with store sqlite, which has no use for etcd's files/],
    [['--runtime-config=extensions/v1beta1'], /without --runtime-config=extensions\/v1beta1=true/],
    [['--runtime-config=apps/v1beta1=false'], /without --runtime-config=apps\/v1beta1=false/],
    [['--legacy-service-account-tokens'], /without --legacy-service-account-tokens/],
  ];
  for (const [argv, message] of refusals)
    assert.throws(() => asked(running, ...argv), { code: 'RUNNING_OTHERWISE', message }, argv.join(' '));
});

test('what it is may be asked for again', () => {
  asked(running);
  asked(running, '--nodes=2', '--port=6443', '--store=sqlite', '--runtime-config=apps/v1beta1');
  const inEtcd: DaemonState = { ...running, store: 'etcd=http://10.0.0.1:2379,http://10.0.0.2:2379' };
  asked(inEtcd, '--store=etcd=http://10.0.0.2:2379', '--etcd-cafile=/ca.pem');
  assert.throws(() => asked(inEtcd, '--store=etcd=http://10.0.0.9:2379'), { code: 'RUNNING_OTHERWISE' });
});
