import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { runProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import type { HostPlan } from '../plan/plan.ts';
import { createTranscriptTransport } from '../transport/transcript.ts';
import { requireSteadyUnits } from './steady-units.ts';
import { describeUnit, parseUnitReports, unitReportScript } from './unit-report.ts';

const FATAL = 'F1122 20:47:37.893955     775 server.go:269] failed to run Kubelet: open /dev/kmsg: no such file or directory';

test('a service that ends again and again is told with what it ended by, and not with what Go prints behind that', async () => {
  await using directory = await temporaryDirectory();
  const script = async (name: string, text: string) => {
    await writeFile(directory.file(name), `#!/bin/sh\n${text}\n`);
    await chmod(directory.file(name), 0o755);
  };
  await script(
    'systemctl',
    'case "$*" in *kubelet*) printf "Type=simple\\nActiveState=activating\\nNRestarts=9\\nActiveEnterTimestampMonotonic=0\\n";;' +
      ' *) printf "Type=notify\\nActiveState=active\\nNRestarts=0\\nActiveEnterTimestampMonotonic=1000000\\n";; esac',
  );
  await script(
    'journalctl',
    `cat <<'E'\nE1122 20:47:36.1 775 a.go:1] before\n${FATAL}\ngoroutine 1 [running]:\nruntime.goexit()\nE`,
  );
  const { stdout } = await runProgram('sh', ['-c', unitReportScript(['etcd.service', 'kubelet.service'], 4)], {
    environment: { PATH: `${directory.path}:${process.env['PATH']}` },
  });
  const [etcd, ...others] = parseUnitReports(stdout);
  assert.deepEqual(
    { ...etcd, activeS: 0 },
    { name: 'etcd.service', state: 'active', type: 'notify', restarts: 0, activeS: 0, words: '' },
  );
  assert.ok(etcd!.activeS > 0, 'it has been active since the machine’s first second');
  assert.deepEqual(others, [
    { name: 'kubelet.service', state: 'activating', type: 'simple', restarts: 9, activeS: 0, words: FATAL },
  ]);
  assert.equal(describeUnit(others[0]!), `kubelet.service is activating, started again 9 times: ${FATAL}`);
  assert.deepEqual(parseUnitReports('anything\nreport\tx\tactive\tsimple\tmany\t7\t\n'), [
    { name: 'x', state: 'active', type: 'simple', restarts: 0, activeS: 7, words: '' },
  ]);
});

/** A host whose service is seen as `looks` say, one after the other. */
function scene(...looks: readonly string[]) {
  return sceneOf('upstream', ...looks);
}

function sceneOf(type: 'muster' | 'upstream', ...looks: readonly string[]) {
  const left = [...looks];
  let slept = 0;
  const plan: HostPlan = {
    ...{ host: 'a', joins: false, rejoins: false, needsNetwork: false },
    changes: [
      {
        ...{ action: 'start', title: '', lines: [] },
        step: { type: 'unit', name: 'kube-proxy.service', fingerprint: 'f', phase: 'node' },
      },
    ],
  };
  let nowMs = 0;
  const sleep = async (ms: number) => {
    slept++;
    nowMs += ms;
  };
  const run = () =>
    requireSteadyUnits({
      inventory: { distribution: { type, executable: '', programs: '', directory: '' } },
      plans: [plan],
      transports: new Map([['a', createTranscriptTransport('a', () => (left.length > 1 ? left.shift()! : left[0]!))]]),
      clock: { now: () => nowMs, sleep } as unknown as Clock,
      signal: new AbortController().signal,
    });
  return { run, slept: () => slept };
}

const look = (state: string, restarts: number, seconds = 60, type = 'simple') =>
  `report\tkube-proxy.service\t${state}\t${type}\t${restarts}\t${seconds}\tF1 no\n`;

test('services that were started have to stay up: what ends at once has started, to systemd', async () => {
  const steady = scene(look('active', 0));
  await steady.run();
  assert.equal(steady.slept(), 0, 'nobody waits where all is well');
  const told = scene(look('active', 0, 0, 'notify'));
  await told.run();
  assert.equal(told.slept(), 0, 'nor where it has told that it works');
  const own = sceneOf('muster', look('active', 0, 1));
  await own.run();
  assert.equal(own.slept(), 0, 'our programs say sooner what they cannot work with');
  const young = scene(look('active', 0, 1), look('active', 0, 3), look('active', 0, 5));
  await young.run();
  assert.equal(young.slept(), 2, 'what has only just started is looked at again');
  await scene(look('activating', 0, 0), look('active', 1, 1), look('active', 1, 5)).run(); // started again once, and works
  for (const last of [look('active', 20, 1), look('activating', 20, 0), look('failed', 1, 0)])
    await assert.rejects(scene(look('active', 0, 1), last).run(), {
      code: 'APPLY_FAILED',
      message:
        /^services do not stay up: a: kube-proxy\.service is \w+, started again \d+ times?: F1 no; the same command goes on/,
    });
});
