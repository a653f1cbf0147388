import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createClient } from '../client/create-client.ts';
import { transportFromKubeconfig } from '../client/kubeconfig-client.ts';
import type { Transport } from '../client/transport/transport.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { type FlagDefinition, FlagError, type ParsedFlags } from '../std/flags.ts';
import { createKlogLogger } from '../std/logger.ts';
import { runComponents } from '../std/run-components.ts';
import { type CorefileSource, createDnsServer } from './server/dns-server.ts';

const DNS_FLAGS: readonly FlagDefinition[] = [
  { name: 'conf', singleDash: true, type: 'string', default: 'Corefile', description: 'Corefile to load; also as -conf' },
  {
    name: 'dns.port',
    singleDash: true,
    type: 'int',
    default: 53,
    description: 'port of server blocks that name none; also as -dns.port',
  },
  {
    name: 'kubeconfig',
    type: 'string',
    description: 'how the kubernetes plugin reaches the API server, unless it names a file itself',
  },
  {
    name: 'bind-address',
    type: 'strings',
    description: 'where server blocks without bind listen; default all addresses',
  },
  { name: 'v', shorthand: 'v', type: 'int', description: 'verbosity of the log' },
];

/** `muster dns`: CoreDNS's place, with a Corefile. */
export const dnsCommand: ComponentCommand = {
  name: 'dns',
  summary: 'run the cluster DNS server, as a Corefile says',
  flags: DNS_FLAGS,
  run: runDns,
};

async function runDns({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const { clock, random, env } = io;
  const logger = createKlogLogger({ component: 'dns', verbosity: values.int('v'), now: () => clock.now(), write: io.stderr });
  const port = values.int('dns.port');
  if (port < 1 || port > 0xffff) throw new FlagError('--dns.port', `--dns.port: there is no port ${port}`);
  const given = values.strings('bind-address');
  for (const address of given)
    if (!isIP(address)) throw new FlagError('--bind-address', `--bind-address: ${JSON.stringify(address)} is no IP address`);
  const local = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const everywhere = local.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
  const transports = new Map<string, Promise<Transport>>();
  const server = createDnsServer({
    corefile: corefileOfFile(values.string('conf')),
    port,
    environment: env,
    listenAddresses: given.length > 0 ? given : [everywhere],
    localAddresses: local.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
    async client({ path, context } = { path: values.string('kubeconfig') }) {
      if (!path)
        throw new CodedError('the kubernetes plugin needs an API server: --kubeconfig is required', {
          code: 'KUBECONFIG_REQUIRED',
        });
      const key = `${path}\n${context ?? ''}`;
      const transport = transports.get(key) ?? transportFromKubeconfig(path, { contextName: context, clock, environment: env });
      transports.set(key, transport);
      return createClient({ transport: await transport, userAgent: 'coredns' });
    },
    clock,
    logger,
    random,
  });
  try {
    return await runComponents([server], {
      signal: io.signal,
      ready() {
        logger.info('The DNS server listens');
        io.ready();
      },
    });
  } finally {
    await Promise.allSettled([...transports.values()].map(async (transport) => (await transport).close({ final: true })));
  }
}

function corefileOfFile(path: string): CorefileSource {
  return {
    path,
    async read() {
      try {
        return await readFile(path, 'utf8');
      } catch (cause) {
        throw new CodedError(`cannot read the Corefile: ${(cause as Error).message}`, { code: 'COREFILE_UNREADABLE', cause });
      }
    },
  };
}
