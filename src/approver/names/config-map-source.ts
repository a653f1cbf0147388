import type { V1ConfigMap } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Clock } from '../../std/clock.ts';
import type { NameSource } from './name-source.ts';
import { lookUp, type NameTable, readNameTable } from './name-table.ts';

const CONFIG_MAP: ResourceKind = { group: '', version: 'v1', kind: 'ConfigMap', resource: 'configmaps', namespaced: true };
/** A storm of nodes must not become a storm of reads; what an operator has just written counts as soon. */
const KEEP_MS = 5000;

export interface ConfigMapSourceOptions {
  readonly client: Client;
  readonly namespace: string;
  readonly name: string;
  readonly clock: Clock;
}

/** An inventory in a ConfigMap: each key of `data` a node, its value the node's names with commas or lines between. */
export function createConfigMapSource({ client, namespace, name, clock }: ConfigMapSourceOptions): NameSource {
  let known: { readonly table: Promise<NameTable>; readonly untilMs: number } | undefined;
  const fetch = async (): Promise<NameTable> => {
    const found = await unlessReason(client.resource<V1ConfigMap>(CONFIG_MAP, namespace).get(name), 'NotFound');
    return readNameTable(found?.data ?? {});
  };
  const read = (): Promise<NameTable> => {
    if (known && clock.now() < known.untilMs) return known.table;
    const table = fetch();
    known = { table, untilMs: clock.now() + KEEP_MS };
    // A failure is not kept: the next one asks again.
    table.catch(() => {
      known = undefined;
    });
    return table;
  };
  return {
    name: `configmap ${namespace}/${name}`,
    ask: async (nodeName, names) => lookUp(await read(), nodeName, names),
    expects: async (nodeName) => (await read()).nodes.has(nodeName),
  };
}
