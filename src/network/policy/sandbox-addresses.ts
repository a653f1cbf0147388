import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';

/** Where runtimes that use CNI's library (containerd, CRI-O) keep what each plugin answered, a file for each sandbox. */
export const CNI_RESULTS = '/var/lib/cni/results';

/** The addresses of pods' sandboxes by the pods' UIDs, from before the API has them. */
export interface SandboxAddresses {
  /** Looks for files that were not there before; answers whether there were any. A directory that cannot be read has none. */
  look(): Promise<boolean>;
  of(podUid: string): readonly string[];
}

/** A plugin's answer is a few kB; what is larger is no such file. */
const LARGEST_FILE_BYTES = 256 << 10;

export function createSandboxAddresses(directory: string): SandboxAddresses {
  let known: ReadonlyMap<string, SandboxResult | undefined> = new Map();
  return {
    async look() {
      const names = await readdir(directory).catch(() => []); // there is none, or it is not ours to read: the API will tell
      const next = new Map<string, SandboxResult | undefined>();
      let isNew = false;
      for (const name of names) {
        if (known.has(name)) next.set(name, known.get(name));
        else {
          const text = await readSmall(join(directory, name));
          // One that is being written is read again.
          if (text === undefined || !text.trimEnd().endsWith('}')) continue;
          next.set(name, parseSandboxResult(text));
          isNew = true;
        }
      }
      known = next;
      return isNew;
    },
    of: (podUid) => [...known.values()].flatMap((result) => (result?.podUid === podUid ? result.addresses : [])),
  };
}

/** What has an address in the API stays as it is; others get that of their sandbox. */
export function withSandboxAddresses(pods: readonly V1Pod[], sandboxes: Pick<SandboxAddresses, 'of'>): readonly V1Pod[] {
  return pods.map((pod) => {
    if (pod.spec?.hostNetwork || pod.status?.podIP || pod.status?.podIPs?.length) return pod;
    const addresses = sandboxes.of(pod.metadata?.uid ?? '');
    return addresses.length > 0 ? { ...pod, status: { ...pod.status, podIPs: addresses.map((ip) => ({ ip })) } } : pod;
  });
}

export interface SandboxResult {
  readonly podUid: string;
  readonly addresses: readonly string[];
}

/** A cached answer of libcni (containernetworking/cni, libcni/api.go, `cachedInfo`). Undefined for what is none of a pod's. */
export function parseSandboxResult(text: string): SandboxResult | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined; // somebody else's file
  }
  const { cniArgs, result } = (parsed ?? {}) as { cniArgs?: unknown; result?: { ips?: unknown } };
  if (!Array.isArray(cniArgs) || !Array.isArray(result?.ips)) return undefined;
  const podUid = cniArgs.find((pair) => Array.isArray(pair) && pair[0] === 'K8S_POD_UID')?.[1];
  if (typeof podUid !== 'string' || podUid === '') return undefined;
  const addresses = result.ips.flatMap((ip: { address?: unknown } | null) =>
    typeof ip?.address === 'string' ? ip.address.split('/')[0]! : [],
  );
  return { podUid, addresses };
}

async function readSmall(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    return size > LARGEST_FILE_BYTES ? '{}' : await file.readFile('utf8');
  } catch {
    return undefined; // gone again
  }
}
