import { connect } from 'node:net';
import type { RunProgram } from '../../host/run-program.ts';
import { asRoot, type Transport } from './transport.ts';

const TIMEOUT_MS = 600_000;

/** Acts on the machine that Muster runs on. */
export function createLocalTransport({ run }: { readonly run: RunProgram }): Transport {
  return {
    target: 'this machine',
    run: (script, { input, signal, timeoutMs = TIMEOUT_MS } = {}) =>
      run('sh', ['-c', asRoot(script)], { timeoutMs, ...(input && { input }), ...(signal && { signal }) }),
    connect: (address, port) => connect({ host: address, port }),
    async [Symbol.asyncDispose]() {},
  };
}
