import { day, fromNow } from '../checks/check.ts';
import { mayBootstrap } from '../checks/rbac-checks.ts';
import type { Observations } from '../observations.ts';
import type { Step } from './step.ts';

/** Whether a node can join with a token, and who did. @param id of the token, six characters */
export function tokenSteps({ tokens, rbac, requests, nowMs }: Observations, id: string): Step[] {
  if (!tokens) return [{ state: 'unknown', title: 'Secret', seen: 'Secrets of kube-system may not be read' }];
  const token = tokens.find((each) => each.id === id || each.secretName === `bootstrap-token-${id}`);
  const create = 'muster token create';
  if (!token)
    return [
      {
        state: 'missing',
        title: 'Secret',
        seen: `there is no bootstrap-token-${id} in kube-system`,
        wanted: 'a token that is not used up',
        remedy: create,
      },
    ];
  const { expiresMs, usages, groups, problem } = token;
  const steps: Step[] = [];
  steps.push(
    problem === undefined
      ? { state: 'done', title: 'Secret', seen: token.secretName }
      : { state: 'missing', title: 'Secret', seen: problem, remedy: create },
  );
  if (expiresMs === undefined) steps.push({ state: 'done', title: 'expiry', seen: 'never, which is not wise' });
  else {
    const seen = `${fromNow(expiresMs, nowMs)} (${day(expiresMs)})`;
    steps.push(
      expiresMs > nowMs
        ? { state: 'done', title: 'expiry', seen }
        : { state: 'missing', title: 'expiry', seen, wanted: 'a time to come', remedy: create },
    );
  }
  steps.push(
    usages.includes('authentication')
      ? { state: 'done', title: 'usages', seen: usages.join(', ') }
      : {
          state: 'missing',
          title: 'usages',
          seen: usages.join(', ') || 'none',
          wanted: 'usage-bootstrap-authentication',
          remedy: `${create} --usages=signing,authentication`,
        },
  );
  const all = ['system:bootstrappers', ...groups];
  if (!rbac) steps.push({ state: 'unknown', title: 'rights', seen: 'cluster roles may not be read' });
  else
    steps.push(
      mayBootstrap(
        rbac,
        (subject) => all.some((group) => subject === `Group ${group}`) || subject === `User system:bootstrap:${id}`,
      )
        ? { state: 'done', title: 'rights', seen: `${all.join(', ')} may create certificate requests` }
        : {
            ...{ state: 'missing', title: 'rights', seen: `${all.join(', ')} may not create certificate requests` },
            remedy:
              'kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --group=system:bootstrappers',
          },
    );
  const used = requests?.filter(({ spec }) => spec.username === `system:bootstrap:${id}`) ?? [];
  steps.push({
    state: used.length > 0 ? 'done' : 'waiting',
    title: 'use',
    seen:
      used.length > 0
        ? `${used.length === 1 ? '1 request' : `${used.length} requests`}: ${used
            .slice(0, 5)
            .map(({ metadata }) => metadata?.name)
            .join(', ')}`
        : 'no request was made with it in the last hour',
  });
  return steps;
}
