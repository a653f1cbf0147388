import { readFile } from 'node:fs/promises';
import { CodedError } from '../../std/coded-error.ts';
import { type FlagDefinition, FlagError, type FlagType, type FlagValues } from '../../std/flags.ts';

type Rest = Omit<FlagDefinition, 'name' | 'type' | 'description'>;

/** One row of a component's table of flags. */
export const flag = (name: string, type: FlagType, description: string, rest: Rest = {}): FlagDefinition => ({
  name,
  type,
  description,
  ...rest,
});

/** Flags that upstream has or had and that change nothing here; using one prints a warning. */
export const ignoredFlags = (type: FlagType, ...names: string[]): FlagDefinition[] =>
  names.map((name) => ({ name, type, description: "upstream's", noEffect: true, hidden: true }));

/** The form of the log. */
export const logFormatFlag: FlagDefinition = flag(
  'logging-format',
  'string',
  "form of the log: text is klog's, json an object a line",
  {
    default: 'text',
  },
);

/** Says the release, and nothing else. */
export const versionFlag: FlagDefinition = flag('version', 'bool', 'print version information and quit');

/** How a component finds the API server, and serves health and metrics on a port of its own. */
export function componentFlags(securePort: number): readonly FlagDefinition[] {
  return [
    flag('kubeconfig', 'string', 'kubeconfig with the address of the API server and the credentials for it'),
    flag('master', 'string', "address of the API server, over the kubeconfig's"),
    flag(
      'authentication-kubeconfig',
      'string',
      'kubeconfig to ask who calls the secure port with; without it tokens are not accepted there',
    ),
    flag(
      'authorization-kubeconfig',
      'string',
      'kubeconfig to ask what callers of the secure port may do; without it only system:masters may',
    ),
    flag('authorization-always-allow-paths', 'strings', 'paths of the secure port that are open to everybody', {
      default: ['/healthz', '/readyz', '/livez'],
    }),
    flag('client-ca-file', 'string', 'authority of client certificates for the secure port; default what the API server tells'),
    flag(
      'requestheader-client-ca-file',
      'string',
      'authority of front proxies for the secure port; default what the API server tells',
    ),
    flag('requestheader-allowed-names', 'strings', 'common names of front proxies; empty: all of their authority'),
    flag('requestheader-username-headers', 'strings', 'headers with the names of those that they speak for', {
      default: ['x-remote-user'],
    }),
    flag('requestheader-group-headers', 'strings', 'headers with their groups', { default: ['x-remote-group'] }),
    flag('requestheader-uid-headers', 'strings', 'headers with their UIDs'),
    flag('requestheader-extra-headers-prefix', 'strings', 'prefixes of headers with what else is known of them', {
      default: ['x-remote-extra-'],
    }),
    flag('authentication-skip-lookup', 'bool', 'do not ask the API server for these authorities'),
    flag('bind-address', 'string', 'address of the secure port', { default: '0.0.0.0' }),
    flag('secure-port', 'int', 'port for /healthz and /metrics over HTTPS; 0: none', { default: securePort }),
    flag('permit-port-sharing', 'bool', 'let other processes listen at the same secure port (SO_REUSEPORT)'),
    flag('tls-cert-file', 'string', 'certificate of the secure port; without it one is made that vouches for itself'),
    flag('tls-private-key-file', 'string', 'its key'),
    flag('tls-min-version', 'string', 'least version of TLS there: VersionTLS12 or VersionTLS13'),
    flag('tls-cipher-suites', 'strings', "cipher suites of TLS 1.2 there, by Go's names"),
  ];
}

/** Upstream's flags of leader election, for a component of this name. */
export function leaderElectionFlags(component: string): readonly FlagDefinition[] {
  return [
    flag('leader-elect', 'bool', 'work only while elected', { default: true }),
    flag('leader-elect-lease-duration', 'duration', 'how long others wait for a silent leader', { default: '15s' }),
    flag('leader-elect-renew-deadline', 'duration', 'how long to try to stay leader', { default: '10s' }),
    flag('leader-elect-retry-period', 'duration', 'time between attempts', { default: '2s' }),
    flag('leader-elect-resource-lock', 'string', "kind of the lock; only 'leases' there is", { default: 'leases' }),
    flag('leader-elect-resource-name', 'string', 'name of the lock', { default: component }),
    flag('leader-elect-resource-namespace', 'string', 'its namespace', { default: 'kube-system' }),
  ];
}

export interface LeaderElectionSettings {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly name: string;
  readonly namespace: string;
}

/** What the flags of leader election say; false when it is off. Throws for a lock that is not a Lease. */
export function readLeaderElection(values: FlagValues): LeaderElectionSettings | false {
  if (!values.bool('leader-elect')) return false;
  const lock = values.string('leader-elect-resource-lock');
  if (lock !== 'leases')
    throw new FlagError('--leader-elect-resource-lock', `--leader-elect-resource-lock: "${lock}" is not supported, use "leases"`);
  return {
    leaseDurationMs: values.durationMs('leader-elect-lease-duration'),
    renewDeadlineMs: values.durationMs('leader-elect-renew-deadline'),
    retryPeriodMs: values.durationMs('leader-elect-retry-period'),
    name: values.string('leader-elect-resource-name'),
    namespace: values.string('leader-elect-resource-namespace'),
  };
}

/** A file that a flag names. Rejects with the flag, the file and why it cannot be read. */
export async function readFlagFile(flagName: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CodedError(`--${flagName}: unable to read ${path}: ${(cause as Error).message}`, {
      code: 'FLAG_FILE_UNREADABLE',
      cause,
    });
  }
}
