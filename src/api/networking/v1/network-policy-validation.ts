/** NetworkPolicies (pkg/apis/networking/validation). */
import type {
  V1IPBlock,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1NetworkPolicySpec,
} from '../../gen/types.ts';
import { checkEach } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkCidr, cidrWarnings, isStrictPart, parseCidr } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { checkPort, checkPortNumber } from '../../machinery/ports.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const POLICY_TYPES = ['Ingress', 'Egress'];

/** What an update may keep although it would be refused today. */
interface Stored {
  readonly lenient: boolean;
  readonly cidrs: ReadonlySet<string>;
}

interface Rule {
  readonly path: string;
  readonly ports: readonly V1NetworkPolicyPort[];
  readonly peers: readonly { readonly peer: V1NetworkPolicyPeer; readonly path: string }[];
}

function rulesOf({ ingress, egress }: V1NetworkPolicySpec): Rule[] {
  const rule = (path: string, side: string, ports: V1NetworkPolicyPort[] = [], peers: V1NetworkPolicyPeer[] = []): Rule => ({
    path,
    ports,
    peers: peers.map((peer, i) => ({ peer, path: `${path}.${side}[${i}]` })),
  });
  return [
    ...(ingress ?? []).map(({ ports, from }, i) => rule(`spec.ingress[${i}]`, 'from', ports, from)),
    ...(egress ?? []).map(({ ports, to }, i) => rule(`spec.egress[${i}]`, 'to', ports, to)),
  ];
}

const specOf = (object: DynamicObject | undefined): V1NetworkPolicySpec => (object as V1NetworkPolicy | undefined)?.spec ?? {};

export function validateNetworkPolicy(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const before = specOf(existing);
  const stored: Stored = {
    lenient: validateLabelSelector(before.podSelector, '').length > 0,
    cidrs: new Set(
      rulesOf(before).flatMap(({ peers }) =>
        peers.flatMap(({ peer: { ipBlock } }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : [])),
      ),
    ),
  };
  const spec = specOf(object);
  const errors = validateLabelSelector(spec.podSelector, 'spec.podSelector', stored);
  for (const { path, ports, peers } of rulesOf(spec)) {
    addErrors(errors, checkEach(ports, `${path}.ports`, validatePort));
    for (const { peer, path: at } of peers) addErrors(errors, validatePeer(peer, at, stored));
  }
  const { policyTypes = [] } = spec;
  if (policyTypes.length > POLICY_TYPES.length)
    return [...errors, invalidField('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes')];
  policyTypes.forEach((type, i) => {
    if (!POLICY_TYPES.includes(type)) errors.push(notSupportedField(`spec.policyTypes[${i}]`, type, POLICY_TYPES));
  });
  return errors;
}

function validatePort({ protocol, port, endPort }: V1NetworkPolicyPort, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (protocol !== undefined && !PROTOCOLS.includes(protocol))
    errors.push(notSupportedField(`${path}.protocol`, protocol, PROTOCOLS));
  const end = (detail: string) => errors.push(invalidField(`${path}.endPort`, endPort, detail));
  if (port === undefined) {
    if (endPort !== undefined) end('may not be specified when `port` is not specified');
    return errors;
  }
  if (typeof port === 'string') {
    if (endPort !== undefined) end('may not be specified when `port` is non-numeric');
    return [...errors, ...checkPort(`${path}.port`, port)];
  }
  addErrors(errors, checkPort(`${path}.port`, port));
  if (endPort === undefined) return errors;
  if (endPort < port) end('must be greater than or equal to `port`');
  return [...errors, ...checkPortNumber(`${path}.endPort`, endPort)];
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: V1NetworkPolicyPeer,
  path: string,
  stored: Stored,
): FieldError[] {
  const errors = [
    ...validateLabelSelector(podSelector, `${path}.podSelector`, stored),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`, stored),
    ...(ipBlock ? validateIpBlock(ipBlock, `${path}.ipBlock`, stored) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(requiredField(path, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector))
    errors.push(forbiddenField(path, 'may not specify both ipBlock and another peer'));
  return errors;
}

function validateIpBlock({ cidr, except = [] }: V1IPBlock, path: string, { cidrs }: Stored): FieldError[] {
  if (!cidr) return [requiredField(`${path}.cidr`)];
  const errors = checkCidr(`${path}.cidr`, cidr, cidrs);
  const outer = parseCidr(cidr);
  if (!outer) return errors;
  except.forEach((text, i) => {
    const at = `${path}.except[${i}]`;
    addErrors(errors, checkCidr(at, text, cidrs));
    const inner = parseCidr(text);
    if (inner && !isStrictPart(inner, outer)) errors.push(invalidField(at, text, 'must be a strict subset of `cidr`'));
  });
  return errors;
}

/** What is said of ranges that are let through (registry/networking/networkpolicy/strategy.go). */
export function networkPolicyWarnings(object: DynamicObject): string[] {
  const peers = rulesOf(specOf(object)).flatMap((rule) => rule.peers);
  return peers.flatMap(({ peer: { ipBlock }, path }) => {
    if (!ipBlock) return [];
    const ofExceptions = (ipBlock.except ?? []).flatMap((cidr, i) => cidrWarnings(`${path}.ipBlock.except[${i}]`, cidr));
    return [...cidrWarnings(`${path}.ipBlock.cidr`, ipBlock.cidr), ...ofExceptions];
  });
}
