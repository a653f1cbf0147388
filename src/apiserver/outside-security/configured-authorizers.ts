import type { Metric } from '../../std/metric.ts';
import type { RuleResolver } from '../authorization/rule-resolver.ts';
import { openWebhookAuthorizer } from '../authorization/webhook-authorizer.ts';
import { followFile } from '../configuration-files/follow-file.ts';
import { readConfigurationText } from '../configuration-files/read-configuration.ts';
import { ReloadMetrics } from '../configuration-files/reload-metrics.ts';
import type { Authorizer } from '../contracts.ts';
import { AUTHORIZATION_FLAG, readAuthorizationConfiguration } from './authorization-configuration.ts';
import type { OutsideSecurityDeps } from './outside-security.ts';

/** Who authorizes, in order; those that are not the server's own by name. Another object when the file has changed. */
export interface AuthorizerChoice {
  readonly modes: readonly string[];
  readonly authorizers: ReadonlyMap<string, Authorizer & RuleResolver>;
}

export interface ConfiguredAuthorizers {
  readonly metrics: Metric;
  current(): AuthorizerChoice;
  close(): Promise<void>;
}

/** What is asked when its file changes is answered by then. */
const LAST_ANSWERS_MS = 60_000;

type OpenChoice = AuthorizerChoice & { close(): Promise<void> };

/** Reads the file of `--authorization-config` and follows it. Throws a CodedError that names file and field. */
export async function openConfiguredAuthorizers(path: string, deps: OutsideSecurityDeps): Promise<ConfiguredAuthorizers> {
  const read = () => readConfigurationText(path, AUTHORIZATION_FLAG);
  const open = async (text: string): Promise<OpenChoice> => {
    const entries = await readAuthorizationConfiguration(path, text);
    const webhooks = new Map<string, Awaited<ReturnType<typeof openWebhookAuthorizer>>>();
    const close = async () => {
      await Promise.all([...webhooks.values()].map((webhook) => webhook.close()));
    };
    try {
      for (const { mode, webhook } of entries) if (webhook) webhooks.set(mode, await openWebhookAuthorizer(webhook, deps));
    } catch (error) {
      await close();
      throw error;
    }
    return { modes: entries.map(({ mode }) => mode), authorizers: webhooks, close };
  };

  const text = await read();
  const opened = new Set<OpenChoice>();
  let current = await open(text);
  opened.add(current);
  const retire = (old: OpenChoice) =>
    deps.clock.setTimer(LAST_ANSWERS_MS, () => {
      opened.delete(old);
      old.close().catch((error: unknown) => deps.logger.warn('cannot close an authorization webhook', { error }));
    });
  const metrics = new ReloadMetrics('authorization', text, deps.clock);
  const follower = followFile({
    what: 'authorization config',
    path,
    text,
    read,
    async apply(newer) {
      const old = current;
      current = await open(newer);
      opened.add(current);
      retire(old);
    },
    clock: deps.clock,
    logger: deps.logger,
    atOnce: true,
    observer: metrics,
  });
  return {
    metrics,
    current: () => current,
    async close() {
      follower.close();
      await Promise.all([...opened].map((choice) => choice.close()));
    },
  };
}
