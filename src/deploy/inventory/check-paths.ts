import { posix } from 'node:path';
import type { Inventory } from '../../api/config/v1/inventory.ts';

/** Paths go into units and shell words: nothing that either would read otherwise. */
const PATH = /^\/[A-Za-z0-9._/-]*[A-Za-z0-9._-]$/;
/** Directories of the system's own: they would get another owner and mode. */
const SYSTEM =
  /^\/(?:bin|boot|dev|etc|home|lib|lib32|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)?$|^\/usr\/(?:bin|lib|libexec|local|sbin|share|local\/bin|local\/sbin)$|^\/var\/(?:cache|lib|log|run|spool|tmp)$|^\/(?:proc|sys|dev)\//;

/** Where things lie on hosts, and what files are called. */
export function checkPaths({ pki, etcd, kubelet, kubeProxy, distribution, runtime, flags, hosts }: Inventory): string[] {
  const directories = {
    'pki.directory': pki.directory,
    'etcd.directory': etcd.directory,
    'etcd.dataDirectory': etcd.dataDirectory,
    'kubelet.rootDirectory': kubelet.rootDirectory,
  };
  const paths = {
    ...directories,
    'etcd.program': etcd.program,
    'kubelet.bootstrapKubeconfig': kubelet.bootstrapKubeconfig,
    'kubelet.configurationFile': kubelet.configurationFile,
    'kubelet.unitDirectory': kubelet.unitDirectory,
    'distribution.directory': distribution.directory,
  };
  // Where a member has its data is looked for by shell words, too.
  const ofEtcd = [{ at: 'flags', flags }, ...hosts.map((host, i) => ({ at: `hosts[${i}].flags`, flags: host.flags }))].flatMap(
    ({ at, flags: given }) =>
      ['data-dir', 'wal-dir'].flatMap((flag) => {
        const path = given.etcd?.[flag];
        return path === undefined ? [] : [[`${at}.etcd.${flag}`, path] as const];
      }),
  );
  const mistakes = [...Object.entries(paths), ...ofEtcd].flatMap(([name, path]) =>
    PATH.test(path) && !path.split('/').includes('..')
      ? []
      : [`${name}: ${JSON.stringify(path)} is not an absolute path of plain characters`],
  );
  for (const [name, path] of Object.entries(directories))
    if (SYSTEM.test(posix.normalize(path))) mistakes.push(`${name}: ${path} is the system's own: name one that is not there yet`);
  const [data, root] = [posix.normalize(etcd.dataDirectory), posix.normalize(kubelet.rootDirectory)];
  if (`${data}/`.startsWith(`${root}/`) || `${root}/`.startsWith(`${data}/`))
    mistakes.push(`etcd.dataDirectory: ${data} and kubelet.rootDirectory ${root} lie in each other`);
  for (const name of ['certificateSuffix', 'keySuffix'] as const)
    if (!/^[A-Za-z0-9._-]{1,32}$/.test(pki[name]))
      mistakes.push(`pki.${name}: ${JSON.stringify(pki[name])} is not the end of a file's name`);
  if (pki.certificateSuffix === pki.keySuffix) mistakes.push('pki.keySuffix: is that of certificates too');
  if (!/^unix:\/\/\/[A-Za-z0-9._/-]+$/.test(runtime.endpoint))
    mistakes.push(`runtime.endpoint: ${JSON.stringify(runtime.endpoint)} is not unix:///PATH`);
  if (!/^[A-Za-z0-9@._-]+\.service$/.test(runtime.unit))
    mistakes.push(`runtime.unit: ${JSON.stringify(runtime.unit)} is not the name of a service`);
  const configurations = { 'kubelet.configuration': kubelet.configuration, 'kubeProxy.configuration': kubeProxy.configuration };
  for (const [name, value] of Object.entries(configurations) as [string, unknown][])
    if (typeof value !== 'object' || value === null || Array.isArray(value)) mistakes.push(`${name}: must be an object`);
  return mistakes;
}
