import { resolve } from 'node:path';
import type { KeyAlgorithm } from '../../pki/keys.ts';
import { type CertificateSpec, certificateSpecs, type FileNaming, type LayoutNames, NAMINGS } from '../../pki/layouts/layout.ts';
import type { CommandIo } from '../../std/command.ts';
import { type FlagDefinition, FlagError, type ParsedFlags } from '../../std/flags.ts';

/** Where the certificates are. */
export const NAMING_FLAGS: readonly FlagDefinition[] = [
  {
    name: 'layout',
    type: 'string',
    default: 'ssl',
    description:
      'how directory and files are called: ssl (/etc/kubernetes/ssl, x.pem, x.key), cert (/etc/kubernetes/cert, x.pem, x-key.pem) or pki (/etc/kubernetes/pki, x.pem, x.key)',
  },
  { name: 'dir', type: 'string', description: "the directory, instead of the layout's" },
  { name: 'cert-suffix', type: 'string', description: "what certificates' names end in, instead of the layout's" },
  { name: 'key-suffix', type: 'string', description: "what keys' names end in, instead of the layout's" },
];

/** How certificates are made. */
export const ISSUE_FLAGS: readonly FlagDefinition[] = [
  { name: 'key-algorithm', type: 'string', default: 'ec-p256', description: 'ec-p256, ec-p384, rsa-2048 or rsa-4096' },
  { name: 'validity', type: 'duration', default: '8760h0m0s', description: 'how long certificates are valid' },
];

export function namingOf({ values }: ParsedFlags, io: CommandIo): FileNaming {
  const layout = NAMINGS[values.string('layout')];
  if (!layout) {
    throw new FlagError('--layout', `--layout: "${values.string('layout')}" is none of ${Object.keys(NAMINGS).join(', ')}`);
  }
  const directory = values.string('dir');
  return {
    directory: directory ? resolve(io.cwd, directory) : layout.directory,
    certificateSuffix: values.string('cert-suffix') || layout.certificateSuffix,
    keySuffix: values.string('key-suffix') || layout.keySuffix,
  };
}

const ALGORITHMS: readonly string[] = ['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-4096'] satisfies KeyAlgorithm[];

export function algorithmOf({ values }: ParsedFlags): KeyAlgorithm {
  const algorithm = values.string('key-algorithm');
  if (!ALGORITHMS.includes(algorithm)) {
    throw new FlagError('--key-algorithm', `--key-algorithm: "${algorithm}" is none of ${ALGORITHMS.join(', ')}`);
  }
  return algorithm as KeyAlgorithm;
}

/** A duration that must be longer than nothing. */
export function lifetimeOf({ values }: ParsedFlags, name: string): number {
  const ms = values.durationMs(name);
  if (ms < 1000) throw new FlagError(`--${name}`, `--${name}: must be a second or longer`);
  return ms;
}

/** Of all certificates those called `names`; all when none is named, or `all`. */
export function selectSpecs(names: readonly string[], layout: LayoutNames, flag: string): CertificateSpec[] {
  const specs = certificateSpecs(layout);
  if (names.length === 0 || names.includes('all')) return specs;
  const unknown = names.find((name) => !specs.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    throw new FlagError(flag, `there is no certificate "${unknown}"; there are ${specs.map(({ name }) => name).join(', ')}`);
  }
  return specs.filter(({ name }) => names.includes(name));
}

/** For commands that only need the certificates' names. */
export const ANY_NAMES: LayoutNames = {
  apiserverNames: [],
  apiserverAddresses: [],
  etcdAddresses: [],
  serviceClusterIpRange: '10.96.0.0/12',
  clusterDomain: 'cluster.local',
};
