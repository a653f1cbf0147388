import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { atMost } from '../../std/at-most.ts';
import { CodedError } from '../../std/coded-error.ts';
import { isInForm, type StoredForm } from '../assets/encryption-keys.ts';

/** A value of etcd, without what it says. */
export interface StoredValue {
  readonly key: string;
  /** Its first bytes, as latin1. */
  readonly beginning: string;
}

export interface RewriteOptions {
  readonly client: Client;
  /** All values of Secrets as they lie in etcd; undefined where there is none to look into. */
  readonly stored: (() => AsyncIterable<StoredValue>) | undefined;
  readonly signal: AbortSignal;
}

const PAGE = 100;
const AT_ONCE = 4;
const PASSES = 3;
const SHOWN = 5;

/**
 * Has every Secret written as API servers write now, and looks how they lie in etcd then. Answers how many there are.
 *
 * @throws CodedError SECRETS_NOT_REWRITTEN naming some that are not in this form, or that etcd has none of them
 */
export async function rewriteSecrets(form: StoredForm, { client, stored, signal }: RewriteOptions): Promise<number> {
  for (let pass = 1; ; pass++) {
    const count = await updateAll(client, signal);
    if (!stored) return count;
    const { seen, others } = await lookAt(stored(), form);
    if (others.length === 0 && (seen > 0 || count === 0)) return count;
    if (pass < PASSES) continue;
    throw new CodedError(
      seen === 0
        ? `the API has ${count} Secrets, and the etcd of the inventory none: the API servers keep them elsewhere`
        : `${others.length} of ${seen} Secrets in etcd are not in the new form: ${others.slice(0, SHOWN).join(', ')}; the old key is kept`,
      { code: 'SECRETS_NOT_REWRITTEN', retryable: true },
    );
  }
}

/** An update that changes nothing is written all the same where the value is in an old form. */
async function updateAll(client: Client, signal: AbortSignal): Promise<number> {
  const secrets = client.resource<V1Secret>(secretKind);
  let count = 0;
  let next = '';
  do {
    const { items, metadata } = await secrets.list({ limit: PAGE, ...(next && { continue: next }), signal });
    const results = await atMost(AT_ONCE, items, async (secret) => {
      const own = client.resource<V1Secret>(secretKind, secret.metadata?.namespace ?? '');
      // Whoever was quicker wrote it in the new form, or took it away.
      await unlessReason(own.update({ ...secret, apiVersion: 'v1', kind: 'Secret' }, { signal }), 'Conflict', 'NotFound');
    });
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    count += items.length;
    next = metadata?.continue ?? '';
  } while (next !== '');
  return count;
}

async function lookAt(values: AsyncIterable<StoredValue>, form: StoredForm) {
  const others: string[] = [];
  let seen = 0;
  for await (const { key, beginning } of values) {
    seen++;
    if (!isInForm(form, beginning)) others.push(key);
  }
  return { seen, others };
}
