import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { StoredForm } from '../../deploy/assets/encryption-keys.ts';
import { lastingForm, newEncryptionKeys, writeEncryptionKeys } from '../../deploy/assets/encryption-keys.ts';
import { membersOf } from '../../deploy/desired/etcd.ts';
import type { MemberClient } from '../../deploy/etcd-members/member-client.ts';
import type { HostFacts } from '../../deploy/facts/facts.ts';
import type { StoredValue } from '../../deploy/rotate/stored-secrets.ts';
import { rewriteSecrets } from '../../deploy/rotate/stored-secrets.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import { Resources } from '../../std/resources.ts';
import { openEtcdMembers } from './etcd-members.ts';
import type { Session } from './session.ts';

const PREFIX_FLAG = 'etcd-prefix';
const DEFAULT_PREFIX = '/registry';
const BEGINNING_BYTES = 64;

/** Has all Secrets written anew, and looks into etcd where the cluster has its own. @throws CodedError as `rewriteSecrets` does */
export async function rewriteStoredSecrets(session: Session, io: CommandIo, form: StoredForm): Promise<void> {
  await using resources = new Resources();
  const cluster = await session.openCluster();
  resources.defer(() => cluster.close());
  const hasEtcd = membersOf(session.inventory).length > 0;
  const members = hasEtcd ? resources.use(await openEtcdMembers(session, io)) : undefined;
  const stored = members && (() => storedSecrets(session.inventory, [...members.clients.values()]));
  const count = await rewriteSecrets(form, { client: cluster.client, stored, signal: io.signal });
  io.stderr(`${count} Secrets are written anew${stored ? ', and lie so in etcd' : ''}\n`);
}

/** All that lies under the Secrets' prefix, from the first member that answers: reads are of the whole cluster. */
async function* storedSecrets(inventory: Inventory, clients: readonly MemberClient[]): AsyncGenerator<StoredValue> {
  const prefix = inventory.flags['kube-apiserver']?.[PREFIX_FLAG] ?? DEFAULT_PREFIX;
  const end = `${prefix}/secrets0`; // the character behind "/"
  for (let from = `${prefix}/secrets/`, more = true; more; ) {
    const page = await firstOf(clients, (client) => client.range(from, end));
    for (const { key, value } of page.entries) yield { key, beginning: value.subarray(0, BEGINNING_BYTES).toString('latin1') };
    more = page.more;
    from = `${page.entries.at(-1)?.key ?? end}\0`;
  }
}

async function firstOf<T>(clients: readonly MemberClient[], ask: (client: MemberClient) => Promise<T>): Promise<T> {
  let failure: unknown;
  for (const client of clients) {
    try {
      return await ask(client);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * Sees to it that Secrets are to be kept as the inventory says. Of a cluster that never served it is simply said anew.
 *
 * @returns whether the assets have changed: the session is to be opened again
 * @throws CodedError ROTATION_NEEDED when the cluster serves, and keeps them otherwise
 */
export async function settleEncryption(session: Session, facts: ReadonlyMap<string, HostFacts>): Promise<boolean> {
  const { inventory, material, files } = session;
  const { provider } = inventory.encryption;
  const kept = lastingForm(material.encryption).provider;
  if (kept === provider) return false;
  const hasServed = [...facts.values()].some(({ units }) => (units.get('kube-apiserver.service')?.fingerprint ?? '') !== '');
  if (hasServed)
    throw new CodedError(
      `nothing was done: encryption.provider is ${JSON.stringify(provider)}, and the cluster keeps its Secrets by ${JSON.stringify(kept)}; "muster deploy rotate encryption-key" changes that`,
      { code: 'ROTATION_NEEDED' },
    );
  await writeEncryptionKeys(files, newEncryptionKeys(provider));
  return true;
}
