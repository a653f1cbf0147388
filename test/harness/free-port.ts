import { canListen } from '../../src/cluster/node-addresses.ts';

export { freePort } from '../../src/cluster/node-addresses.ts';

/** Below the ports that the system gives to connections, which could take one while what had it is started again. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A port on 127.0.0.1 for something that will be stopped and started again beside other tests. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await canListen('127.0.0.1', port)) return port;
  }
}
