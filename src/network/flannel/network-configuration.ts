import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { V1ConfigMap } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { hasReason } from '../../client/unless-reason.ts';
import { CodedError } from '../../std/coded-error.ts';

/** Both documents as they stand, and where they were found. */
export interface NetworkDocuments {
  readonly source: string;
  readonly netConf: string;
  readonly cniConf: string | undefined;
}

/** Flannel's manifests call it so; it lies where they put it, the newer ones in a namespace of its own. */
export const CONFIG_MAP = 'kube-flannel-cfg';
const NAMESPACES = ['kube-flannel', 'kube-system'];
const NET_CONF = 'net-conf.json';
const CNI_CONF = 'cni-conf.json';

/**
 * The network's configuration: from a file, with `cni-conf.json` beside it, as flannel's pod has them mounted; where there is none, from the
 * ConfigMap that would be mounted.
 *
 * @throws CodedError NET_CONF_MISSING when it is in neither place (yet)
 */
export async function findNetworkDocuments(path: string, client: Client, signal: AbortSignal): Promise<NetworkDocuments> {
  const netConf = await textOf(path);
  if (netConf !== undefined) return { source: path, netConf, cniConf: await textOf(join(dirname(path), CNI_CONF)) };
  const looked = [path];
  for (const namespace of NAMESPACES) {
    const name = `ConfigMap ${namespace}/${CONFIG_MAP}`;
    try {
      const { data = {} } = await client.resource<V1ConfigMap>(configMapKind, namespace).get(CONFIG_MAP, { signal });
      const found = data[NET_CONF];
      if (found !== undefined) return { source: name, netConf: found, cniConf: data[CNI_CONF] };
      looked.push(`${name} (without ${NET_CONF})`);
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Forbidden')) throw error;
      looked.push(hasReason(error, 'Forbidden') ? `${name} (which this client may not read)` : name);
    }
  }
  throw new CodedError(`there is no ${NET_CONF}: looked at ${looked.join(', ')}`, { code: 'NET_CONF_MISSING' });
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
