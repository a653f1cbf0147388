import { writeEnvelope } from '../../api/protobuf/envelope.ts';
import { createMessageCodec } from '../../std/grpc/message-codec.ts';
import { WireWriter } from '../../std/protobuf/wire-writer.ts';

/** The documents of discovery in protobuf (apimachinery/pkg/apis/meta/v1/generated.proto). */
const MESSAGES = {
  APIVersions: { versions: '1 repeated string', serverAddressByClientCIDRs: '2 repeated ServerAddressByClientCIDR' },
  APIGroupList: { groups: '1 repeated APIGroup' },
  APIGroup: {
    name: '1 string',
    versions: '2 repeated GroupVersionForDiscovery',
    preferredVersion: '3 GroupVersionForDiscovery',
    serverAddressByClientCIDRs: '4 repeated ServerAddressByClientCIDR',
  },
  APIResourceList: { groupVersion: '1 string', resources: '2 repeated APIResource' },
  APIResource: {
    name: '1 string',
    namespaced: '2 bool',
    kind: '3 string',
    verbs: '4 Verbs',
    shortNames: '5 repeated string',
    singularName: '6 string',
    categories: '7 repeated string',
    group: '8 string',
    version: '9 string',
    storageVersionHash: '10 string',
  },
  Verbs: { items: '1 repeated string' },
  GroupVersionForDiscovery: { groupVersion: '1 string', version: '2 string' },
  ServerAddressByClientCIDR: { clientCIDR: '1 string', serverAddress: '2 string' },
} as const;

type Documents = 'APIVersions' | 'APIGroupList' | 'APIGroup' | 'APIResourceList';

interface Resource {
  readonly verbs: readonly string[];
}

/** Writes a document of plain discovery, as JSON has it. */
export function encodeDiscovery(document: Readonly<Record<string, unknown>>): Buffer {
  const { kind, resources } = document as { kind: Documents; resources?: readonly Resource[] };
  const wrapped = resources?.map((resource) => ({ ...resource, verbs: { items: resource.verbs } }));
  const message = createMessageCodec(MESSAGES).encode(kind, { ...document, ...(wrapped && { resources: wrapped }) } as never);
  const writer = new WireWriter();
  writeEnvelope(writer, { apiVersion: 'v1', kind }, () => writer.raw(message));
  return writer.finish();
}
