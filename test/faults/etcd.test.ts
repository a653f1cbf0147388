/** Three masters with an etcd member and an API server each; what becomes of writes and watches while parts of them fail. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Master, type Masters, startMasters } from '../harness/masters.ts';
import { runCommand, runOrFail } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';
import { WriteLoad } from '../harness/write-load.ts';
import { wrongClockStory } from './wrong-clock-story.ts';

let cluster: Masters;
let loads = 0;

/** The last member's disk: small enough to be filled. */
let disk: string;

before(async () => {
  disk = await mkdtemp(join(tmpdir(), 'muster-disk-'));
  await runOrFail('mount', ['-t', 'tmpfs', '-o', 'size=300m,mode=700', 'tmpfs', disk]);
  cluster = await startMasters({ lastDataDirectory: join(disk, 'data') });
});
after(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await runOrFail('umount', [disk]);
  await rmdir(disk);
});

interface UnderLoadOptions {
  readonly restarted?: boolean;
  readonly valueBytes?: number;
}

/** Lets a fault happen under load, and accounts for every write. What the fault takes away must be back when it resolves. */
async function underLoad(
  t: TestContext,
  fault: (load: WriteLoad) => Promise<void>,
  options: UnderLoadOptions = {},
): Promise<void> {
  const load = new WriteLoad(
    cluster.masters.map(({ api }) => api),
    `load${loads++}`,
    options.valueBytes,
  );
  t.after(() => load.stop());
  await load.start();
  await fault(load);
  await load.goesOn();
  const { acknowledged, unknown, longestGapMs } = await load.finish(options);
  t.diagnostic(
    `${acknowledged} writes acknowledged, ${unknown} of unknown end, none acknowledged for at most ${longestGapMs} ms`,
  );
}

async function leadingMaster(): Promise<Master> {
  const leader = await cluster.etcd.leader();
  return cluster.masters.find(({ member }) => member === leader)!;
}

describe('three masters under a steady load of writes', () => {
  test('a member of etcd is killed, its disk wiped, and the member replaced', async (t) => {
    await underLoad(t, async (load) => {
      const { member } = await leadingMaster();
      await member.kill();
      await load.goesOn();
      await member.wipe();
      await load.goesOn();
      await cluster.etcd.replace(member);
    });
  });

  test('the leader of etcd is cut off from everybody, and comes back', async (t) => {
    await underLoad(t, async (load) => {
      const { link, member } = await leadingMaster();
      await link.cut();
      await load.goesOn();
      await link.mend();
      await cluster.etcd.ready(member);
    });
  });

  test('an API server is killed, and another one takes its clients; its address leaves the Service kubernetes', async (t) => {
    await underLoad(
      t,
      async (load) => {
        const [victim, other] = cluster.masters as [Master, Master, Master];
        await victim.killServer();
        await load.goesOn();
        const addresses = async () => {
          const { body } = await other.api.send('GET', '/api/v1/namespaces/default/endpoints/kubernetes');
          const { subsets } = body as { subsets?: { addresses: { ip: string }[] }[] };
          return subsets?.flatMap((subset) => subset.addresses.map(({ ip }) => ip)) ?? [];
        };
        await until('its address is gone', async () => !(await addresses()).includes(victim.address), { timeoutMs: 90_000 });
        await until('the others are there', async () => (await addresses()).length === 2, { timeoutMs: 60_000 });
        victim.startServer();
        await victim.serverReady();
        await until('its address is back', async () => (await addresses()).length === 3, { timeoutMs: 60_000 });
      },
      { restarted: true },
    );
  });

  test('a split with clients on both sides: the smaller side serves nothing, and says so', async (t) => {
    await underLoad(t, async (load) => {
      // The hardest case: who is alone believes for a while to lead.
      const alone = await leadingMaster();
      const other = cluster.masters.find((master) => master !== alone)!;
      const path = '/api/v1/namespaces/default/configmaps';
      const object = (value: string) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `split${loads}` },
        data: { value },
      });
      assert.equal((await alone.api.send('POST', path, object('before'))).status, 201);
      await cluster.split([alone]);
      const changed = await until('the larger side takes a write', async () => {
        const answer = await other.api.send('PUT', `${path}/split${loads}`, object('after'));
        return answer.status === 200 && answer;
      });
      await load.goesOn();
      const read = await alone.api.send('GET', `${path}/split${loads}`, undefined, 60_000);
      assert.notEqual(read.status, 200, `a read of the minority is answered: ${read.text}`);
      const list = await alone.api.send('GET', path, undefined, 60_000);
      assert.notEqual(list.status, 200, 'a list of the minority is answered');
      const written = await alone.api.send('POST', path, object('minority'), 60_000);
      assert.ok(written.status >= 500, `a write of the minority is answered ${written.status}`);
      assert.equal((await alone.api.send('GET', '/readyz', undefined, 60_000)).status, 500);
      await cluster.heal();
      await alone.serverReady();
      const now = await alone.api.send('GET', `${path}/split${loads}`);
      assert.deepEqual(
        [now.body.data?.['value'], now.body.metadata?.resourceVersion],
        ['after', changed.body.metadata?.resourceVersion],
      );
    });
  });

  test('the disk of a member is full: the member ends, and catches up when there is room again', async (t) => {
    await underLoad(
      t,
      async (load) => {
        const { member } = cluster.masters.at(-1)!;
        const filler = join(disk, 'filler');
        // Until nothing more fits, which dd calls a failure.
        await runCommand('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
        await until('the member has ended', () => member.process.exitStatus !== undefined, { timeoutMs: 120_000 });
        await load.goesOn();
        await rm(filler);
        member.start();
        await cluster.etcd.ready(member);
      },
      { valueBytes: 30_000 },
    );
  });

  test('a host’s clock is ten minutes wrong, and is set while it runs: nobody loses a place or is taken for dead', async (t) => {
    await underLoad(t, (load) => wrongClockStory(cluster, load), { restarted: true });
  });

  test('everything is killed at once, and started again', async (t) => {
    await underLoad(
      t,
      async () => {
        await Promise.all(cluster.masters.flatMap(({ member, killServer }) => [member.kill(), killServer()]));
        for (const { member } of cluster.masters) member.start();
        await cluster.etcd.ready();
        for (const master of cluster.masters) master.startServer();
        for (const master of cluster.masters) await master.serverReady();
      },
      { restarted: true },
    );
  });
});
