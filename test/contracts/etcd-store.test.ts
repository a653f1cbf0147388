import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import type { DriverUnderTest } from '../../src/store/contract/driver.ts';
import { testAgainstModel } from '../../src/store/contract/model-contract.ts';
import { createEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import type { Store, Write } from '../../src/store/store.ts';
import { testStoreContract } from '../../src/store/store-contract.ts';
import { type EtcdCluster, startEtcd } from '../harness/etcd.ts';
import { partOfStore } from './part-of-store.ts';

let etcd: EtcdCluster;
let parts = 0;

before(async () => {
  etcd = await startEtcd();
});
after(() => etcd[Symbol.asyncDispose]());

/** One real etcd for all tests, each of which sees a part of it that looks like a new one. */
const etcdDriver: DriverUnderTest = {
  name: 'etcd',
  ownTime: true,
  unordered: true,
  async create() {
    const prefix = `part-${parts++}/`;
    const read = (file: string) => readFileSync(file, 'utf8');
    const open = () =>
      createEtcdStore({
        servers: etcd.servers,
        tls: () => ({
          caPem: read(etcd.caFile),
          client: { certificatePem: read(etcd.certificateFile), privateKeyPem: read(etcd.keyFile) },
        }),
        clock: systemClock,
        logger: silentLogger,
        random: Math.random,
      });
    let inner = open();
    const begunAt = await inner.revision();
    return {
      store: partOfStore(inner, prefix, begunAt),
      async reopen() {
        await inner.close();
        inner = open();
        return partOfStore(inner, prefix, begunAt);
      },
      async dispose() {
        await inner.close();
        inner = open();
        await deleteAll(inner, prefix);
        await inner.close();
      },
    };
  },
};

/** Keys with leases would end in the middle of another test. */
async function deleteAll(store: Store, prefix: string): Promise<void> {
  const { entries } = await store.list(prefix);
  for (let i = 0; i < entries.length; i += 100)
    await store.transact(
      [],
      entries.slice(i, i + 100).map(({ key }): Write => ({ type: 'delete', key })),
    );
}

testStoreContract(etcdDriver);
testAgainstModel(
  { ...etcdDriver, create: async (clock) => ({ ...(await etcdDriver.create(clock)), reopen: undefined }) } as DriverUnderTest,
  20,
);
