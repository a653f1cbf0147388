import { connect } from 'node:net';
import type { RunProgram } from '../../host/run-program.ts';
import type { SpeakWithProgram } from '../../host/spoken-program.ts';
import { asRoot, type Transport } from './transport.ts';

const TIMEOUT_MS = 600_000;

/** Acts on the machine that Muster runs on. */
export function createLocalTransport({ run, speak }: { readonly run: RunProgram; readonly speak: SpeakWithProgram }): Transport {
  return {
    target: 'this machine',
    run: (script, { input, signal, timeoutMs = TIMEOUT_MS } = {}) =>
      run('sh', ['-c', asRoot(script)], { timeoutMs, ...(input && { input }), ...(signal && { signal }) }),
    speak: async (script) => speak('sh', ['-c', asRoot(script)]),
    connect: (address, port) => connect({ host: address, port }),
    async [Symbol.asyncDispose]() {},
  };
}
