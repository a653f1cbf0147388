/** `--egress-selector-config-file`: by which way connections leave (apiserver/pkg/server/egressselector/config.go). */
import { readFile } from 'node:fs/promises';
import { forbiddenField, invalidField, notSupportedField, requiredField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { readConfiguration, type Shape, wrongFile } from '../configuration-files/read-configuration.ts';

/** To kubelets, pods and Services; to webhooks and servers elsewhere; to etcd. */
export type EgressName = 'cluster' | 'controlplane' | 'etcd';

/** A proxy that connections are made through, by HTTP's CONNECT. */
export type EgressProxy =
  | { readonly socketPath: string }
  | {
      readonly url: string;
      readonly caPem?: string;
      readonly client?: { certificatePem: string; privateKeyPem: string };
      readonly tlsServerName?: string;
    };

/** What is not named, or is direct, is absent. */
export type EgressConfiguration = Partial<Readonly<Record<EgressName, EgressProxy>>>;

const FLAG = 'egress-selector-config-file';
const GROUP_VERSIONS: ReadonlySet<string> = new Set(['apiserver.k8s.io/v1beta1', 'apiserver.k8s.io/v1alpha1']);
const NAMES: ReadonlySet<string> = new Set<EgressName>(['cluster', 'controlplane', 'etcd']);
const AT = 'service.connection';

interface TlsConfig {
  readonly caBundle?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
}
interface Selection {
  readonly name?: string;
  readonly connection?: {
    readonly proxyProtocol?: string;
    readonly transport?: {
      readonly tcp?: { readonly url?: string; readonly tlsConfig?: TlsConfig };
      readonly uds?: { readonly udsName?: string };
    };
  };
}

const SHAPE: Shape = {
  fields: {
    egressSelections: {
      listOf: {
        fields: {
          name: 'string',
          connection: {
            fields: {
              proxyProtocol: 'string',
              transport: {
                fields: {
                  tcp: {
                    fields: {
                      url: 'string',
                      tlsConfig: {
                        fields: { caBundle: 'string', clientKey: 'string', clientCert: 'string', tlsServerName: 'string' },
                      },
                    },
                  },
                  uds: { fields: { udsName: 'string' } },
                },
              },
            },
          },
        },
      },
    },
  },
};

/**
 * Reads the file and those that it names.
 *
 * @throws CodedError CONFIGURATION_FILE that names the field
 */
export async function readEgressConfiguration(path: string): Promise<EgressConfiguration> {
  const { apiVersion, kind, document, strictProblems } = await readConfiguration(path, FLAG, SHAPE);
  const fail = (problem: string, cause?: unknown) => wrongFile(FLAG, path, problem, cause);
  if (kind !== 'EgressSelectorConfiguration') throw fail(`invalid service configuration object ${JSON.stringify(kind)}`);
  if (!GROUP_VERSIONS.has(apiVersion))
    throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (strictProblems.length) throw fail(`strict decoding error: ${strictProblems.join(', ')}`);
  const selections = (document['egressSelections'] ?? []) as readonly Selection[];
  const errors = validate(selections);
  if (errors.length) throw fail(errors.map(({ field, message }) => `${field}: ${message}`).join(', '));
  const made: Partial<Record<EgressName, EgressProxy>> = {};
  for (const selection of selections) {
    const name = nameOf(selection);
    const { proxyProtocol, transport } = selection.connection!;
    if (proxyProtocol === 'Direct') delete made[name];
    else if (name === 'etcd') throw fail(`${AT}.protocol: ${proxyProtocol} is not offered for etcd; use Direct`);
    else if (proxyProtocol === 'GRPC')
      throw fail(`${AT}.protocol: GRPC (konnectivity) is not offered for ${name}; let the proxy listen with HTTPConnect`);
    else if (transport!.uds) made[name] = { socketPath: transport!.uds.udsName! };
    else made[name] = await tcpProxy(transport!.tcp!, fail);
  }
  return made;
}

/** Its older name is still known. */
function nameOf({ name = '' }: Selection): EgressName {
  const canonical = name.toLowerCase();
  return (canonical === 'master' ? 'controlplane' : canonical) as EgressName;
}

async function tcpProxy(
  { url = '', tlsConfig }: { readonly url?: string; readonly tlsConfig?: TlsConfig },
  fail: (problem: string, cause?: unknown) => Error,
): Promise<EgressProxy> {
  if (!URL.canParse(url)) throw fail(`${AT}.url: invalid proxy server url ${JSON.stringify(url)}`);
  if (!tlsConfig) return { url };
  const read = async (field: string, file: string) => {
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      throw fail(`${AT}.tlsConfig.${field}: open ${file}: ${(cause as Error).message}`, cause);
    }
  };
  const { caBundle, clientCert = '', clientKey = '', tlsServerName } = tlsConfig;
  return {
    url,
    ...(tlsServerName && { tlsServerName }),
    ...(caBundle && { caPem: await read('caBundle', caBundle) }),
    client: {
      certificatePem: await read('clientCert', clientCert),
      privateKeyPem: await read('clientKey', clientKey),
    },
  };
}

function validate(selections: readonly Selection[]): FieldError[] {
  const errors = selections.flatMap(({ connection }) => validateConnection(connection ?? {}));
  const at = 'egressSelection.name';
  const names = selections.map(({ name = '' }) => name.toLowerCase());
  for (const name of names) if (!NAMES.has(name) && name !== 'master') errors.push(notSupportedField(at, name, [...NAMES]));
  if (names.includes('master') && names.includes('controlplane'))
    errors.push(forbiddenField(at, "both egressSelection names 'master' and 'controlplane' are specified, only one is allowed"));
  return errors;
}

function validateConnection({ proxyProtocol = '', transport }: NonNullable<Selection['connection']>): FieldError[] {
  switch (proxyProtocol) {
    case 'Direct':
      return transport ? [invalidField(`${AT}.transport`, 'direct', 'Transport config should be absent for direct connect')] : [];
    case 'HTTPConnect':
      if (!transport) return [requiredField(`${AT}.transport`, 'transport must be set for HTTPConnect')];
      if (transport.tcp && transport.uds) return [invalidField(`${AT}.tcp`, transport.tcp, 'TCP and UDS cannot both be set')];
      if (transport.uds) return validateSocket(transport.uds);
      return transport.tcp ? validateTcp(transport.tcp) : [requiredField(`${AT}.tcp`, 'One of TCP or UDS must be set')];
    case 'GRPC':
      if (!transport) return [requiredField(`${AT}.transport`, 'transport must be set for GRPC')];
      return transport.uds ? validateSocket(transport.uds) : [requiredField(`${AT}.uds`, 'UDS must be set with GRPC')];
    default:
      return [notSupportedField(`${AT}.protocol`, proxyProtocol, ['Direct', 'HTTPConnect', 'GRPC'])];
  }
}

const validateSocket = ({ udsName }: { readonly udsName?: string }): FieldError[] =>
  udsName ? [] : [invalidField(`${AT}.udsName`, 'nil', 'UDSName should be present for UDS connections')];

function validateTcp({ url = '', tlsConfig }: { readonly url?: string; readonly tlsConfig?: TlsConfig }): FieldError[] {
  if (url.startsWith('http://'))
    return tlsConfig ? [invalidField(`${AT}.tlsConfig`, 'nil', 'TLSConfig config should not be present when using HTTP')] : [];
  if (!url.startsWith('https://'))
    return [invalidField(`${AT}.url`, url, 'supported connection protocols are http:// and https://')];
  if (!tlsConfig) return [requiredField(`${AT}.tlsConfig`, 'TLSConfig must be present when using HTTPS')];
  return [
    ...(tlsConfig.clientCert ? [] : [invalidField(`${AT}.tlsConfig.clientCert`, 'nil', 'Using TLS requires clientCert')]),
    ...(tlsConfig.clientKey ? [] : [invalidField(`${AT}.tlsConfig.clientKey`, 'nil', 'Using TLS requires clientKey')]),
  ];
}
