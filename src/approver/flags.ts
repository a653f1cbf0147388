import { componentFlags, flag, leaderElectionFlags } from '../client/serving/component-flags.ts';
import type { FlagDefinition } from '../std/flags.ts';

const SECURE_PORT = 10261;

/** What says whose names are whose, and what is allowed. */
export const DECISION_FLAGS: readonly FlagDefinition[] = [
  flag('names-file', 'string', 'inventory of nodes in YAML: node-1: [node-1.example.com, 10.0.0.1]; read again when it changes'),
  flag('names-configmap', 'string', 'the same in the data of a ConfigMap, written namespace/name'),
  flag('names-command', 'strings', 'program and arguments that are asked whose a name is, as JSON on standard input'),
  flag('names-url', 'string', 'https URL that is asked the same by POST'),
  flag('names-url-token-file', 'string', 'bearer token for --names-url'),
  flag('names-url-ca-file', 'string', "authority of --names-url; default the host's own"),
  flag('names-timeout', 'duration', 'how long such a source may take', { default: '10s' }),
  flag(
    'dns-domains',
    'strings',
    "domains below which the node's name is looked up; what it stands for is the node's. Names with dots are looked up as they are when they end in one",
  ),
  flag('dns-servers', 'strings', "servers for --dns-domains; default the host's own"),
  flag('allowed-prefixes', 'strings', 'ranges of addresses that a node may have when no other node claims them'),
  flag('accept-node-status', 'bool', 'believe what a node says of its own addresses in its Node object'),
  flag('deny-names', 'strings', "names that no node may have, also *.suffix; beside the cluster's own"),
  flag('deny-addresses', 'strings', 'addresses and ranges that no node may have, such as virtual addresses'),
  flag('cluster-domain', 'string', 'domain of Services', { default: 'cluster.local' }),
  flag('service-cluster-ip-range', 'strings', 'ranges of Services, for clusters that do not tell'),
  flag(
    'serving-ca-file',
    'string',
    "authority of kubelets' serving certificates, to know what a node serves now; default the kubeconfig's",
  ),
  flag('max-names', 'int', 'names in one certificate', { default: 16 }),
  flag('min-lifetime', 'duration', 'shortest lifetime that may be asked for', { default: '10m0s' }),
  flag('max-lifetime', 'duration', 'longest', { default: '8760h0m0s' }),
  flag('max-pending-per-node', 'int', 'undecided requests of one node; more have to wait', { default: 20 }),
  flag('approve-client', 'bool', "also decide on kubelets' client certificates"),
  flag('allow-loopback', 'bool', 'let nodes have addresses of 127.0.0.0/8: for clusters on one machine'),
  flag('allow-rejoin', 'bool', 'let a bootstrap token take the name of a node that exists'),
];

/** Flags of `muster approver`. */
export const APPROVER_FLAGS: readonly FlagDefinition[] = [
  ...componentFlags(SECURE_PORT),
  ...DECISION_FLAGS,
  flag('dry-run', 'bool', 'decide and log, but write nothing'),
  flag('report', 'bool', 'say what would be decided on the requests that are there, and end'),
  flag(
    'audit-log',
    'strings',
    'with --report: audit logs of the API server, oldest first; requests in them that are gone are judged too',
  ),
  flag('output', 'string', 'with --report: table or json', { shorthand: 'o', default: 'table' }),
  flag('manifest', 'bool', 'print the objects that let it run in a cluster: account, roles, bindings'),
  ...leaderElectionFlags('muster-approver'),
  flag('v', 'int', 'verbosity of the log', { shorthand: 'v' }),
];
