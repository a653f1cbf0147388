import { CodedError } from '../../std/coded-error.ts';
import type { SubnetEnv } from './subnet-env.ts';

/** What `cni-conf.json` of flannel's ConfigMap says: the plugin `flannel` with what it hands on to the plugin `bridge`. */
export interface CniConf {
  readonly cniVersion: string;
  /** Of the network. */
  readonly name: string;
  readonly delegate: Readonly<Record<string, string | number | boolean>>;
  /** Whether host ports are mapped. */
  readonly portmap: boolean;
}

/** As flannel's newer manifests have it. */
export const DEFAULT_CNI_CONF: CniConf = {
  cniVersion: '0.3.1',
  name: 'cbr0',
  delegate: { hairpinMode: true, isDefaultGateway: true },
  portmap: true,
};

/** The bridge plugin's, besides those that the network itself decides. */
const DELEGATE_FIELDS: ReadonlyMap<string, 'boolean' | 'number' | 'string'> = new Map([
  ['bridge', 'string'],
  ['forceAddress', 'boolean'],
  ['hairpinMode', 'boolean'],
  ['ipMasq', 'boolean'],
  ['isDefaultGateway', 'boolean'],
  ['isGateway', 'boolean'],
  ['mtu', 'number'],
  ['promiscMode', 'boolean'],
]);
const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0'];
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,100}$/;
const INTERFACE = /^[a-zA-Z0-9._-]{1,15}$/;

/**
 * Reads a network configuration or a list of plugins. Only `flannel` and `portmap` may be in it: whoever may write the ConfigMap does not
 * choose which programs run on nodes.
 *
 * @throws CodedError CNI_CONF_INVALID that names the field
 */
export function parseCniConf(text: string): CniConf {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid(`it is no JSON: ${(cause as Error).message}`, cause);
  }
  const top = record(parsed, 'it');
  const plugins = top['plugins'] === undefined ? [top] : list(top['plugins'], 'plugins').map((one) => record(one, 'plugins'));
  const types = plugins.map(({ type }) => type);
  for (const type of types)
    if (type !== 'flannel' && type !== 'portmap')
      throw invalid(`the plugin ${JSON.stringify(type) ?? 'without a type'} is not supported here; flannel and portmap are`);
  const flannel = plugins.find(({ type }) => type === 'flannel');
  if (!flannel) throw invalid('no plugin is flannel');
  const { name = DEFAULT_CNI_CONF.name, cniVersion = DEFAULT_CNI_CONF.cniVersion } = top;
  if (typeof name !== 'string' || !NAME.test(name)) throw invalid(`name ${JSON.stringify(name)} is no name of a network`);
  if (typeof cniVersion !== 'string' || !VERSIONS.includes(cniVersion))
    throw invalid(`cniVersion ${JSON.stringify(cniVersion)} is not supported; ${VERSIONS.join(', ')} are`);
  return { name, cniVersion, delegate: parseDelegate(flannel['delegate']), portmap: types.includes('portmap') };
}

function parseDelegate(value: unknown): CniConf['delegate'] {
  const delegate: Record<string, string | number | boolean> = {};
  for (const [field, given] of Object.entries(value === undefined ? {} : record(value, 'delegate'))) {
    if (field === 'type' && given === 'bridge') continue;
    if (field === 'type') throw invalid(`delegate.type ${JSON.stringify(given)} is not supported; bridge is`);
    const type = DELEGATE_FIELDS.get(field);
    if (type === undefined) throw invalid(`delegate.${field} is not supported`);
    if ((typeof given !== 'string' && typeof given !== 'number' && typeof given !== 'boolean') || typeof given !== type)
      throw invalid(`delegate.${field} must be a ${type}, not ${JSON.stringify(given)}`);
    if (field === 'bridge' && !INTERFACE.test(String(given)))
      throw invalid(`delegate.bridge ${JSON.stringify(given)} is no name of an interface`);
    delegate[field] = given;
  }
  return delegate;
}

/**
 * The list that the runtime reads: what flannel's plugin would hand on to the plugins `bridge` and `host-local`, so that it need not be
 * installed.
 *
 * @param addressDirectory where host-local keeps which addresses are taken; undefined: where it does by itself
 */
export function flannelConflist(conf: CniConf, env: SubnetEnv, addressDirectory: string | undefined): object {
  const { cniVersion, name, delegate, portmap } = conf;
  return {
    name,
    cniVersion,
    plugins: [
      {
        type: 'bridge',
        bridge: bridgeOf(conf),
        mtu: env.mtu,
        isGateway: true,
        ipMasq: !env.ipMasq,
        ...delegate,
        ipam: {
          type: 'host-local',
          ranges: env.ranges.map(({ subnet }) => [{ subnet }]),
          routes: env.ranges.map(({ network }) => ({ dst: network })),
          ...(addressDirectory !== undefined && { dataDir: addressDirectory }),
        },
      },
      ...(portmap ? [{ type: 'portmap', capabilities: { portMappings: true } }] : []),
    ],
  };
}

/** The bridge that pods are on. */
export const bridgeOf = ({ delegate }: Pick<CniConf, 'delegate'>): string => String(delegate['bridge'] ?? 'cni0');

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} must be an object`);
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${what} must be a list`);
  return value;
}

const invalid = (what: string, cause?: unknown) => new CodedError(`cni-conf.json: ${what}`, { code: 'CNI_CONF_INVALID', cause });
