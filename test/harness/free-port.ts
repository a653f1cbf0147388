import { createServer } from 'node:net';
import { canListen } from '../../src/cluster/node-addresses.ts';

/** Below the ports that the system gives to connections, which could take one before it is listened on, or while what had it is started again. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A port on 127.0.0.1, also for what is stopped and started again beside other tests: no other test's process gets it as well. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if ((await reserve(port)) && (await canListen('127.0.0.1', port))) return port;
  }
}

/** By a socket in the kernel's own names (unix(7), abstract), which goes with this process. False: another one has it. */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(`\0muster-test-port-${port}`, () => resolve(true));
    server.unref();
  });
}
