import { describe } from 'node:test';
import { VirtualClock } from '../std/clock.ts';
import type { DriverUnderTest } from './contract/driver.ts';
import { testLifetimes } from './contract/lifetime-contract.ts';
import { testReads } from './contract/read-contract.ts';
import { testWatches } from './contract/watch-contract.ts';
import { testWrites } from './contract/write-contract.ts';
import type { Store } from './store.ts';

/** Registers the tests that every driver has to pass; `driver.create` is called for each of them. */
export function testStoreContract(driver: DriverUnderTest): void {
  const withStore = (body: (store: Store, clock: VirtualClock) => Promise<void>) => async () => {
    const clock = new VirtualClock(Date.UTC(2026, 0, 1));
    const under = await driver.create(clock);
    try {
      await body(under.store, clock);
    } finally {
      await under.dispose();
    }
  };
  describe(`the store contract, ${driver.name}`, () => {
    testWrites(driver, withStore);
    testReads(withStore);
    testWatches(withStore);
    testLifetimes(driver, withStore);
  });
}
