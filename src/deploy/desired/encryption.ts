import { stringify } from 'yaml';
import type { ComponentFlags, Inventory } from '../../api/config/v1/inventory.ts';
import type { StoredForm } from '../assets/encryption-keys.ts';
import type { Material } from '../assets/material.ts';
import type { HostFacts } from '../facts/facts.ts';
import { secretFile } from './files.ts';
import type { AbsentStep, FileStep } from './step.ts';
import type { Flags } from './units.ts';

const ACCOUNT = 'kube';

/** Beside the other keys, with which it is backed up. */
export const encryptionPath = ({ pki }: Inventory): string => `${pki.directory}/encryption.yaml`;

const isPlain = ({ encryption }: Material) => encryption.forms.every(({ provider }) => provider === 'none');

/** What an API server is told of keys: nothing where Secrets are plain and stay so. */
export function encryptionFiles(inventory: Inventory, material: Material): FileStep[] {
  if (isPlain(material)) return [];
  const configuration = {
    kind: 'EncryptionConfiguration',
    apiVersion: 'apiserver.config.k8s.io/v1',
    resources: [{ resources: ['secrets'], providers: providersOf(material.encryption.forms) }],
  };
  return [secretFile(encryptionPath(inventory), stringify(configuration), ACCOUNT)];
}

export const encryptionFlags = (inventory: Inventory, material: Material): Flags =>
  isPlain(material) ? {} : { 'encryption-provider-config': encryptionPath(inventory) };

/** Keys that are not needed any more do not stay on hosts. Where none was ever made, such a file is not ours. */
export const forgottenEncryption = (inventory: Inventory, material: Material): AbsentStep[] =>
  isPlain(material) && material.encryption.made > 0 ? [{ type: 'absent', path: encryptionPath(inventory) }] : [];

/**
 * The hosts that keep Secrets by keys of which the assets know nothing: without them `apply` would make all Secrets unreadable. Who names a
 * file of their own sees to it themselves.
 */
export function hostsWithOtherKeys(
  { hosts, flags, ...inventory }: Inventory,
  { encryption }: Material,
  facts: ReadonlyMap<string, HostFacts>,
): string[] {
  const isOwn = ({ flags: own }: { readonly flags: ComponentFlags }) =>
    own['kube-apiserver']?.['encryption-provider-config'] !== undefined;
  if (encryption.made > 0 || isOwn({ flags })) return [];
  const path = encryptionPath({ hosts, flags, ...inventory });
  return hosts.flatMap((host) => (facts.get(host.name)?.files.has(path) && !isOwn(host) ? [host.name] : []));
}

/** Keys of one provider are in one list: who reads takes the first provider whose prefix fits for the only one. */
function providersOf(forms: readonly StoredForm[]): object[] {
  const keys = (provider: string) =>
    forms.flatMap((form) => (form.provider === provider && 'secret' in form ? [{ name: form.name, secret: form.secret }] : []));
  return [...new Set(forms.map(({ provider }) => provider))].map((provider) =>
    provider === 'none' ? { identity: {} } : { [provider]: { keys: keys(provider) } },
  );
}
