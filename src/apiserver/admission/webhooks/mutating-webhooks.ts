import { mutatingWebhookConfigurationKind } from '../../../api/admissionregistration/v1/mutating-webhook-configuration.ts';
import { cloneJson, equalJson } from '../../../api/machinery/clone.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import { internalError, StatusError } from '../../../api/machinery/status-error.ts';
import { applyPatchOperations, type PatchOperation } from '../../../api/patch/json-patch.ts';
import { exactJsonText } from '../../../std/exact-json.ts';
import type { Logger } from '../../../std/logger.ts';
import { runWithPauses } from '../../../std/pauses.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../contracts.ts';
import { currentObjects } from '../matching/current-objects.ts';
import { convertBetween } from '../matching/equivalent-kinds.ts';
import { createMemories, reinvocationOf } from '../matching/reinvocation.ts';
import { replaceObject } from '../matching/replace-object.ts';
import type { MatchDeps } from '../matching/request-matcher.ts';
import { readPatch } from './admission-review.ts';
import { type AskDeps, askWebhook, ofUse } from './call-webhook.ts';
import { CallFailure, requestTimedOut } from './refusals.ts';
import { type ConditionDeps, WebhookConditions } from './relevant-webhooks.ts';
import { isExempt, listWebhooks, type Webhook } from './webhook-list.ts';

export interface WebhookDeps extends MatchDeps, ConditionDeps, AskDeps {
  readonly logger: Logger;
}

/** Lets webhooks change what is written, one after the other (apiserver/pkg/admission/plugin/webhook/mutating). */
export function createMutatingWebhooks(deps: WebhookDeps): AdmissionPlugin {
  const { logger } = deps;
  const webhooks = currentObjects(deps.reader, [mutatingWebhookConfigurationKind], (all) => listWebhooks(all, deps));
  const conditions = new WebhookConditions(deps, 'admit');
  const memoryOf = createMemories();

  /** Resolves to whether the object was changed. */
  async function run(webhook: Webhook, attributes: AdmissionAttributes, kind: KindDefinition, index: number): Promise<boolean> {
    const { hook, configuration } = webhook;
    const round = reinvocationOf(attributes).again ? 1 : 0;
    const at = `round_${round}_index_${index}`;
    let changed = false;
    try {
      await askWebhook(deps, webhook, attributes, {
        kind,
        mutating: true,
        use: async ({ patch }) => {
          const operations = patch ? ofUse(hook.name, () => readPatch(patch)) : [];
          if (!patch || !operations.length) return;
          changed = await patchObject(hook.name, attributes, kind, { operations, type: patch.type });
          attributes.audit?.addRequestAnnotation?.(`patch.webhook.admission.k8s.io/${at}`, () =>
            exactJsonText({ configuration, webhook: hook.name, patch: operations, patchType: patch.type }),
          );
        },
      });
      return changed;
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (hook.failurePolicy !== 'Ignore') {
        logger.warn(`Failed calling webhook, failing closed ${hook.name}: ${error.message}`);
        throw error.asStatus();
      }
      logger.warn(`Failed calling webhook, failing open ${hook.name}: ${error.message}`);
      attributes.audit?.addAuditAnnotation(`failed-open.mutation.webhook.admission.k8s.io/${at}`, hook.name);
      // Nobody waits for what later webhooks would say.
      if (attributes.deadlineMs !== undefined && performance.now() >= attributes.deadlineMs) throw requestTimedOut();
      return false;
    } finally {
      const note = JSON.stringify({ configuration, webhook: hook.name, mutated: changed });
      attributes.audit?.addAuditAnnotation(`mutation.webhook.admission.k8s.io/${at}`, note);
    }
  }

  return {
    name: 'MutatingAdmissionWebhook',
    handles: (attributes) => webhooks().length > 0 && !isExempt(attributes),
    async admit(attributes) {
      const memory = memoryOf(attributes);
      const reinvocation = reinvocationOf(attributes);
      memory.begin(attributes, reinvocation);
      for (const [index, webhook] of webhooks().entries()) {
        // Labels that an earlier webhook set count for a later one.
        const kind = webhook.matches(attributes);
        if (!kind || !(await conditions.hold(webhook, attributes, kind))) continue;
        if (reinvocation.again && !memory.isDue(webhook.id)) continue;
        if (await run(webhook, attributes, kind, index)) {
          memory.changed();
          reinvocation.wanted = true;
        }
        memory.ran(webhook.id, webhook.hook.reinvocationPolicy === 'IfNeeded');
      }
      memory.end(attributes);
    },
  };
}

async function patchObject(
  name: string,
  attributes: AdmissionAttributes,
  kind: KindDefinition,
  { operations, type }: { readonly operations: readonly PatchOperation[]; readonly type: string },
): Promise<boolean> {
  const { object } = attributes;
  if (!object)
    throw internalError(
      `admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`,
    );
  if (type !== 'JSONPatch') throw new CallFailure(name, `unsupported patch type ${JSON.stringify(type)}`, { code: 400 });
  const before = cloneJson(object);
  try {
    const patched = await runWithPauses(applyPatchOperations(await convertBetween(object, attributes.kind, kind), operations));
    await replaceObject(attributes, patched, kind);
  } catch (error) {
    if (!(error instanceof StatusError) || error.code >= 500) throw error;
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    throw internalError(why);
  }
  return !equalJson(before, object);
}
