import { isIP } from 'node:net';
import { firstAddress } from '../../pki/layouts/layout.ts';
import { makeCertificates } from '../../pki/layouts/make-certificates.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { algorithmOf, ISSUE_FLAGS, lifetimeOf, NAMING_FLAGS, namingOf, selectSpecs } from '../certs/certs-flags.ts';

/** `muster certs init`. */
export const certsInitCommand: ComponentCommand = {
  name: 'certs init',
  summary: 'Makes a certificate authority and the certificates of a cluster; what is there and good is kept.',
  flags: [
    ...NAMING_FLAGS,
    { name: 'apiserver-name', type: 'strings', description: 'a name under which clients reach the API server; may be repeated' },
    {
      name: 'apiserver-ip',
      type: 'strings',
      description: 'an address under which clients reach the API server; may be repeated',
    },
    { name: 'etcd-ip', type: 'strings', description: "an address of etcd's members; may be repeated" },
    {
      name: 'service-cluster-ip-range',
      type: 'string',
      default: '10.96.0.0/12',
      description: 'its first address is covered too',
    },
    { name: 'cluster-domain', type: 'string', default: 'cluster.local', description: "the cluster's DNS domain" },
    { name: 'only', type: 'strings', description: 'make only these certificates; may be repeated' },
    ...ISSUE_FLAGS,
    { name: 'ca-validity', type: 'duration', default: '87600h0m0s', description: 'how long a new authority is valid' },
    { name: 'force', type: 'bool', description: 'replace certificates that are there but not good (never the authority)' },
    { name: 'new-ca', type: 'bool', description: 'replace the authority and everything it signed' },
  ],
  run,
};

async function run(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { values } = flags;
  if (values.bool('new-ca') && flags.isSet('only')) {
    throw new FlagError('--new-ca', '--new-ca: a new authority needs all certificates made anew; leave out --only');
  }
  const naming = namingOf(flags, io);
  const specs = selectSpecs(
    values.strings('only'),
    {
      apiserverNames: dnsNames(values.strings('apiserver-name'), 'apiserver-name'),
      apiserverAddresses: addresses(values.strings('apiserver-ip'), 'apiserver-ip'),
      etcdAddresses: addresses(values.strings('etcd-ip'), 'etcd-ip'),
      serviceClusterIpRange: checkedRange(values.string('service-cluster-ip-range')),
      // With a final dot it is the same domain, but no certificate's name.
      clusterDomain: dnsNames([values.string('cluster-domain').replace(/\.$/, '')], 'cluster-domain')[0]!,
    },
    '--only',
  );
  const made = await makeCertificates({
    naming,
    specs,
    algorithm: algorithmOf(flags),
    authorityLifetimeMs: lifetimeOf(flags, 'ca-validity'),
    lifetimeMs: lifetimeOf(flags, 'validity'),
    nowMs: io.clock.now(),
    overwrite: values.bool('force'),
    newAuthority: values.bool('new-ca'),
  });
  io.stdout(`authority ${made.authority} in ${naming.directory}\n`);
  for (const { spec, files, action, reason } of made.certificates) {
    if (action === 'keep') io.stdout(`${spec.name}: kept ${files.certificate}\n`);
    else io.stdout(`${spec.name}: ${action === 'create' ? 'made' : `replaced (${reason})`} ${files.certificate}\n`);
  }
  return 0;
}

function addresses(values: string[], flag: string): string[] {
  const wrong = values.find((value) => isIP(value) === 0);
  if (wrong !== undefined) throw new FlagError(`--${flag}`, `--${flag}: "${wrong}" is not an IP address`);
  return values;
}

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const DNS_NAME = new RegExp(`^(\\*\\.)?${LABEL}(\\.${LABEL})*$`, 'i');

function dnsNames(values: string[], flag: string): string[] {
  for (const value of values) {
    if (isIP(value) !== 0) throw new FlagError(`--${flag}`, `--${flag}: ${value} is an address; say it with --apiserver-ip`);
    if (!DNS_NAME.test(value) || value.length > 253)
      throw new FlagError(`--${flag}`, `--${flag}: ${JSON.stringify(value)} is not a DNS name`);
  }
  return values;
}

function checkedRange(range: string): string {
  try {
    firstAddress(range);
  } catch (cause) {
    throw new FlagError('--service-cluster-ip-range', `--service-cluster-ip-range: ${(cause as Error).message}`);
  }
  return range;
}
