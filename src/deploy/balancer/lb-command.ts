import { isIP } from 'node:net';
import type { ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { createKlogLogger } from '../../std/logger.ts';
import { runComponents } from '../../std/run-components.ts';
import { type Address, createBalancer } from './balancer.ts';

/** `muster lb`: a way to all API servers, on the host where it runs. */
export const lbCommand: ComponentCommand = {
  name: 'lb',
  summary: 'lead TCP connections to the API servers that answer',
  flags: [
    { name: 'listen', type: 'string', default: '127.0.0.1:8443', description: 'address and port where clients connect' },
    {
      name: 'server',
      type: 'strings',
      description: 'address and port of an API server; may be repeated',
    },
    { name: 'check-interval', type: 'duration', default: '2s', description: 'how often each server is checked' },
    { name: 'check-timeout', type: 'duration', default: '5s', description: 'how long a server may take to answer' },
    { name: 'max-connections', type: 'int', default: 10_000, description: 'connections at a time' },
    { name: 'v', shorthand: 'v', type: 'int', description: 'verbosity of the log' },
  ],
  async run({ values, args }, io) {
    if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
    const servers = values.strings('server').map((text) => addressOf('--server', text));
    if (servers.length === 0) throw new FlagError('--server', '--server is missing: it names an API server');
    const [checkIntervalMs, answerMs] = [values.durationMs('check-interval'), values.durationMs('check-timeout')];
    for (const [flag, value] of [
      ['--check-interval', checkIntervalMs],
      ['--check-timeout', answerMs],
      ['--max-connections', values.int('max-connections')],
    ] as const)
      if (value <= 0) throw new FlagError(flag, `${flag}: must be more than 0`);
    const logger = createKlogLogger({
      component: 'lb',
      verbosity: values.int('v'),
      now: () => io.clock.now(),
      write: io.stderr,
    });
    const balancer = createBalancer({
      listen: addressOf('--listen', values.string('listen')),
      servers,
      checkIntervalMs,
      answerMs,
      maxConnections: values.int('max-connections'),
      clock: io.clock,
      logger,
    });
    return runComponents([balancer], { signal: io.signal, ready: io.ready });
  },
};

/** `10.0.0.1:6443`, `[2001:db8::1]:6443` or `name:6443`. */
function addressOf(flag: string, text: string): Address {
  const [, six, other, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? other;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 0xffff || (six !== undefined && isIP(six) !== 6))
    throw new FlagError(flag, `${flag}: ${JSON.stringify(text)} is not an address and a port`);
  return { host, port };
}
