import { flag, ignoredFlags } from '../../client/serving/component-flags.ts';
import { type FlagDefinition, FlagError, type ParsedFlags, parseFlags } from '../../std/flags.ts';
import { DEFAULT_ANNOTATION_PREFIX } from './lease.ts';

export const NAME = 'flanneld';
export const DEFAULT_NET_CONF_PATH = '/etc/kube-flannel/net-conf.json';

/** flanneld's flags of the releases from 0.10 to 0.27, and a few of our own. Go's own way takes one dash as well. */
export const FLANNEL_FLAGS: readonly FlagDefinition[] = [
  flag('kube-subnet-mgr', 'bool', "nodes' ranges and addresses are in their Node objects; there is no other way here", {
    default: true,
  }),
  flag('kubeconfig-file', 'string', 'how to reach the API server; needs get, list and watch of nodes and patch of nodes/status'),
  flag('kubeconfig', 'string', 'the same'),
  flag('kube-api-url', 'string', "address of the API server, over the kubeconfig's"),
  flag('kube-annotation-prefix', 'string', "of the annotations of Nodes; it goes on with '/', or with '-' where it has one", {
    default: DEFAULT_ANNOTATION_PREFIX,
  }),
  flag('net-config-path', 'string', 'net-conf.json, with cni-conf.json beside it; not there: ConfigMap kube-flannel-cfg', {
    default: DEFAULT_NET_CONF_PATH,
  }),
  flag(
    'iface',
    'strings',
    'name or address of the interface to other nodes, the first that is there; default: of the default route',
  ),
  flag('iface-regex', 'strings', 'expression for its name or address, when none of --iface is there'),
  flag('iface-can-reach', 'string', 'an address: the interface is the one that leads there'),
  flag('public-ip', 'string', "what other nodes send to; default: the interface's address"),
  flag('public-ipv6', 'string', 'the same of IPv6'),
  flag('ip-masq', 'bool', 'hide pods behind their node when they speak to what is outside of the network'),
  flag('ip-masq-fully-random-disable', 'bool', 'ports of hidden pods are not chosen at random'),
  flag('iptables-forward-rules', 'bool', "let pods' packets through iptables' FORWARD chain", { default: true }),
  flag('iptables-resync', 'int', 'how often routes and rules are looked at though nothing has changed, in seconds', {
    default: 10,
  }),
  flag('subnet-file', 'string', 'where the range and the MTU are written for other programs', {
    default: '/run/flannel/subnet.env',
  }),
  flag('set-node-network-unavailable', 'bool', "set the Node's condition NetworkUnavailable to False when the network is up", {
    default: true,
  }),
  flag('healthz-ip', 'string', 'address of /healthz', { default: '0.0.0.0' }),
  flag('healthz-port', 'int', 'port of /healthz; 0: none'),
  flag('hostname-override', 'string', "name of the Node; default $NODE_NAME, else this machine's name"),
  flag('cni-conf-dir', 'string', 'where the container runtime looks for networks', { default: '/etc/cni/net.d' }),
  flag('cni-data-dir', 'string', 'where the plugin host-local keeps which addresses are taken; default: where it does by itself'),
  flag('cleanup', 'bool', 'remove routes, devices, rules and files, and end'),
  flag('version', 'bool', 'print the version, and end'),
  flag('v', 'int', 'verbosity of the log', { shorthand: 'v' }),
  ...ignoredFlags('int', 'subnet-lease-renew-margin'),
  ...ignoredFlags('string', 'vmodule', 'log-backtrace-at'),
  ...[
    ...([
      'etcd-endpoints',
      'etcd-prefix',
      'etcd-keyfile',
      'etcd-certfile',
      'etcd-cafile',
      'etcd-username',
      'etcd-password',
    ] as const),
  ].map((name) => flag(name, 'string', 'not supported: leases are in Node objects', { hidden: true })),
  flag('ip-blackhole-route', 'bool', 'not supported', { hidden: true }),
].map((definition) => ({ ...definition, singleDash: definition.shorthand === undefined }));

/**
 * The flags with what the environment says where the command line says nothing: FLANNELD_IP_MASQ for --ip-masq.
 *
 * @throws FlagError naming the flag
 */
export function withEnvironment(flags: ParsedFlags, env: Readonly<Record<string, string | undefined>>): ParsedFlags {
  const argv = FLANNEL_FLAGS.flatMap(({ name }) => {
    const text = env[`FLANNELD_${name.toUpperCase().replaceAll('-', '_')}`];
    return text && !flags.isSet(name) ? [`--${name}=${text}`] : [];
  });
  const fromEnvironment = parseFlags(NAME, FLANNEL_FLAGS, argv);
  const of = (name: string) => (flags.isSet(name) || !fromEnvironment.isSet(name) ? flags.values : fromEnvironment.values);
  return {
    ...flags,
    warnings: fromEnvironment.warnings,
    isSet: (name) => flags.isSet(name) || fromEnvironment.isSet(name),
    values: {
      string: (name) => of(name).string(name),
      bool: (name) => of(name).bool(name),
      int: (name) => of(name).int(name),
      float: (name) => of(name).float(name),
      durationMs: (name) => of(name).durationMs(name),
      strings: (name) => of(name).strings(name),
      array: (name) => of(name).array(name),
      map: (name) => of(name).map(name),
    },
  };
}

/** @throws FlagError for what flanneld can do and this one cannot */
export function refuseUnsupported({ values, isSet, args }: ParsedFlags): void {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const etcd = FLANNEL_FLAGS.find(({ name }) => name.startsWith('etcd-') && isSet(name));
  if (etcd)
    throw new FlagError(`--${etcd.name}`, `--${etcd.name} is not supported: leases are kept in Node objects, not in etcd`);
  if (!values.bool('kube-subnet-mgr'))
    throw new FlagError(
      '--kube-subnet-mgr',
      '--kube-subnet-mgr=false is not supported: leases are kept in Node objects, not in etcd',
    );
  if (values.bool('ip-blackhole-route')) throw new FlagError('--ip-blackhole-route', '--ip-blackhole-route is not supported');
}

/** @throws FlagError for what is no regular expression */
export function readPatterns(texts: readonly string[]): RegExp[] {
  return texts.map((text) => {
    try {
      return new RegExp(text);
    } catch (cause) {
      throw new FlagError('--iface-regex', `--iface-regex: ${(cause as Error).message}`);
    }
  });
}
