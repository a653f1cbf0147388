import type { DriverUnderTest } from '../contract/driver.ts';
import { createMemoryStore } from './memory-store.ts';

/** The memory store for the suites that run over all drivers. */
export const memoryDriver: DriverUnderTest = {
  name: 'memory',
  async create(clock) {
    const store = createMemoryStore({ clock });
    return { store, dispose: () => store.close() };
  },
};
