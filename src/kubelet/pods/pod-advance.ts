import type { V1Pod } from '../../api/gen/types.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';
import { asNeverStarted, podText } from './container-kinds.ts';
import { containerSubject } from './container-subject.ts';
import { changeOf, resizeContainers, settleResize, staleContainers, withRoomForBoth } from './pod-actuation.ts';
import { failPod, retirePod, stopSandboxes } from './pod-ending.ts';
import { PodPartError } from './pod-parts.ts';
import { type Pass, PodSyncError } from './pod-pass.ts';
import { type ContainerStart, type ContainerStop, currentSandbox, type PodPlan, planPod } from './pod-plan.ts';
import { podIpsOf } from './pod-starter.ts';
import { type PodMemory, type PodWork, tellStatus, uidOf, type WantedPod, withToldStatus } from './pod-work.ts';
import { removeContainers } from './remove-containers.ts';

const DEADLINE = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };

/**
 * Takes steps towards what the pod asks for until none is left, telling the status as it goes. Answers after how long to come again.
 *
 * @param signal ends it between steps, and the steps that wait for others
 */
export async function advancePod(
  work: PodWork,
  wanted: WantedPod,
  memory: PodMemory,
  signal: AbortSignal,
): Promise<number | undefined> {
  const uid = uidOf(wanted.pod);
  const pass: Pass = {
    work,
    wanted,
    memory,
    uid,
    signal,
    trouble: new Map(),
    killed: new Map(),
    prepared: !work.starter.detailed,
    hasMadeSandbox: false,
  };
  for (;;) {
    signal.throwIfAborted();
    const nowMs = work.clock.now();
    const deadlineMs = deadlineOf(withToldStatus(work, wanted.pod));
    if (deadlineMs !== undefined && nowMs >= deadlineMs) {
      work.events?.event(wanted.pod, 'Normal', DEADLINE.reason, DEADLINE.message);
      memory.end = { ...DEADLINE, disruption: false };
      await failPod(work, wanted, memory);
      return undefined;
    }
    const { done, recheckAfterMs } = await takeStep(pass, nowMs);
    if (!done) continue;
    return shortest(recheckAfterMs, deadlineMs === undefined ? undefined : deadlineMs - nowMs);
  }
}

type Step =
  | { readonly done: false; readonly recheckAfterMs?: undefined }
  | { readonly done: true; readonly recheckAfterMs?: number };
/** In place of a container's name, which is never empty. */
const WHOLE_POD = '';
const AGAIN: Step = { done: false };

async function takeStep(pass: Pass, nowMs: number): Promise<Step> {
  const { work, wanted, memory, uid, trouble, killed } = pass;
  const { runtime, probes, backoff } = work;
  const { pod } = wanted;
  const { sandboxes, containers: listed } = await runtime.list(uid);
  const look = ++memory.looks;
  const containers = work.starter.detailed ? listed.map(asNeverStarted) : listed;
  const { unhealthy, failures, recheckAfterMs } = await probes.check(pod, containers, nowMs);
  const plan = planPod({
    pod: withToldStatus(work, pod),
    sandboxes,
    containers,
    isStarted: (container) => probes.isStarted(pod, container),
    unhealthy,
    ...(failures && { failures }),
    changed: (spec, container) => changeOf(pass, spec, container),
    killed,
    waitOf: (name, endedMs) => backoff.waitOf(uid, name, endedMs, nowMs),
    nowMs,
  });
  const sandbox = currentSandbox(pod, sandboxes);
  memory.backoff = plan.backoff;
  const tell = () => {
    // What was tried before counts until it is tried again; who waits to be tried again says so.
    const earlier = [...memory.problems].filter(([name]) => !plan.backoff.has(name));
    const problems = new Map([...earlier, ...trouble]);
    tellStatus(work, wanted, memory, { look, sandbox, containers, backoff: plan.backoff, problems });
  };
  if (plan.restartAll) {
    // As single containers do, a pod waits longer each time.
    const endedMs = containers.reduce((latest, { finishedAtMs = 0 }) => Math.max(latest, finishedAtMs), 0);
    const wait = backoff.waitOf(uid, WHOLE_POD, endedMs, nowMs);
    if (wait) {
      tell();
      return { done: true, recheckAfterMs: wait.waitMs };
    }
    backoff.restarted(uid, WHOLE_POD, endedMs, nowMs);
    await restartAll(pass, containers, plan, tell);
    return AGAIN;
  }
  if (plan.stop.length > 0) {
    if (sandboxes.length > 0 && !sandbox && !plan.over)
      work.events?.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    await stopContainers(pass, containers, plan.stop, plan.over);
    return AGAIN;
  }
  if (plan.over) {
    tell();
    await work.statuses.settled(uid);
    await retirePod(work, uid, memory);
    return { done: true };
  }
  const stale = staleContainers(pass, containers);
  if (!pass.prepared) {
    tell();
    await prepare(pass, stale.length > 0);
    pass.signal.throwIfAborted();
  }
  if (stale.length > 0) {
    tell();
    await resizeContainers(pass, stale);
    return AGAIN;
  }
  settleResize(pass);
  if (plan.sandboxAttempt !== undefined) {
    tell();
    // One is made a pass, and the next later: a network that gives no addresses must not have sandboxes made as fast as the runtime can.
    if (pass.hasMadeSandbox) throw new PodSyncError('the sandbox that was made for the pod has no address, or has ended already');
    const toStop = sandboxes.filter(({ ready }) => ready || work.starter.detailed);
    await stopSandboxes(work, pod, toStop);
    await runSandbox(pass, plan.sandboxAttempt);
    pass.hasMadeSandbox = true;
    return AGAIN;
  }
  const startable = await removeContainers(pass, plan, listed, nowMs);
  const starts = startable.filter(({ container }) => !trouble.has(container.name));
  if (starts.length > 0 && sandbox) {
    tell();
    await startContainers(pass, starts, sandbox, containers);
    return AGAIN;
  }
  await removeOldSandboxes(pass, sandboxes, containers);
  tell();
  for (const name of plan.backoff.keys())
    work.events?.event(
      containerSubject(pod, name),
      'Warning',
      'BackOff',
      `Back-off restarting failed container ${name} in pod ${podText(pod)}`,
    );
  if (trouble.size > 0) throw new PodSyncError([...trouble.values()].map(({ message }) => message).join('; '));
  const soonest = shortest(plan.recheckAfterMs, recheckAfterMs);
  return { done: true, ...(soonest !== undefined && { recheckAfterMs: soonest }) };
}

/** Cgroup and volumes; without them nothing starts. */
async function prepare(pass: Pass, resizes: boolean): Promise<void> {
  const { work, wanted, memory, signal } = pass;
  try {
    await work.starter.prepare(resizes ? withRoomForBoth(wanted.pod, memory) : wanted.pod, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const reason = error instanceof PodPartError ? error.eventReason : 'FailedSync';
    const { message } = error as Error;
    work.events?.event(wanted.pod, 'Warning', reason, message);
    throw new PodSyncError(message, { cause: error });
  }
  pass.prepared = true;
}

async function runSandbox(pass: Pass, attempt: number): Promise<void> {
  const { work, wanted, signal } = pass;
  const { pod } = wanted;
  await checkNetwork(pass);
  const podCidr = pod.spec?.hostNetwork ? undefined : await work.podCidr();
  try {
    await work.starter.runSandbox(pod, attempt, podCidr, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const message = `Failed to create pod sandbox: ${(error as Error).message}`;
    work.events?.event(pod, 'Warning', 'FailedCreatePodSandBox', message);
    throw new PodSyncError(message, { cause: error });
  }
}

/** Without a network only pods on the host's begin; the others try again. */
async function checkNetwork({ work, wanted: { pod } }: Pass): Promise<void> {
  if (pod.spec?.hostNetwork || !work.starter.detailed) return;
  const { networkReady, reason = '', message = '' } = await work.runtime.status();
  if (networkReady) return;
  const words = `network is not ready: container runtime network not ready: NetworkReady=false reason:${reason} message:${message}`;
  work.events?.event(pod, 'Warning', 'NetworkNotReady', words);
  throw new PodSyncError(words);
}

/** One after the other, in the order of the pod: a postStart hook holds up those behind it. */
async function startContainers(
  pass: Pass,
  starts: readonly ContainerStart[],
  sandbox: PodSandbox,
  containers: readonly RuntimeContainer[],
): Promise<void> {
  const { work, wanted, memory, uid, signal, trouble } = pass;
  const { pod } = wanted;
  const podIps = podIpsOf(pod, [sandbox], work.nodeIps);
  for (const { container, attempt, endedMs } of starts) {
    signal.throwIfAborted();
    if (endedMs !== undefined) work.backoff.restarted(uid, container.name, endedMs, work.clock.now());
    try {
      const { id } = await work.starter.startContainer({ pod, sandbox, container, attempt, containers, podIps }, signal);
      memory.problems.delete(container.name);
      if (work.starter.detailed) memory.actuated.set(id, container.resources ?? {});
      if (work.starter.detailed) continue;
      work.events?.event(containerSubject(pod, container.name), 'Normal', 'Created', 'Container created');
      work.events?.event(containerSubject(pod, container.name), 'Normal', 'Started', 'Container started');
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { message } = error as Error;
      const reason = error instanceof PodPartError ? error.reason : 'CreateContainerError';
      trouble.set(container.name, { reason, message });
      memory.problems.set(container.name, { reason, message });
      if (!TOLD_BY_IMAGES.has(reason) && reason !== 'PostStartHookError')
        work.events?.event(containerSubject(pod, container.name), 'Warning', 'Failed', `Error: ${message}`);
    }
  }
}

/** Reasons whose events `images/` has written. */
const TOLD_BY_IMAGES: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

async function stopContainers(
  { work, wanted, killed }: Pass,
  containers: readonly RuntimeContainer[],
  stops: readonly ContainerStop[],
  whole: boolean,
): Promise<void> {
  const byId = new Map(containers.map((container) => [container.id, container]));
  const found = stops.flatMap((stop) => byId.get(stop.id) ?? []);
  // Asked again at once it would say the same.
  const undead = found.find(({ id }) => killed.has(id));
  if (undead) throw new PodSyncError(`container ${undead.name} goes on running though the runtime has said that it is stopped`);
  if (whole) {
    await work.stopper.stopAll(wanted.pod, found);
    for (const { id, restart } of stops) killed.set(id, { restart });
    return;
  }
  await Promise.all(
    stops.map(async ({ id, message, gracePeriodSeconds, restart }) => {
      const container = byId.get(id);
      if (!container) return;
      await work.stopper.stop(wanted.pod, container, {
        ...(message && { message }),
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      });
      killed.set(id, { restart });
    }),
  );
}

/** A container's rule starts all of them anew: no grace, no hooks; sandbox and volumes stay. */
async function restartAll(pass: Pass, containers: readonly RuntimeContainer[], plan: PodPlan, tell: () => void): Promise<void> {
  const { work, memory } = pass;
  memory.extraConditions = [{ type: 'AllContainersRestarting', status: 'True' }];
  tell();
  await Promise.all(plan.stop.map(({ id }) => work.runtime.stopContainer(id, 0)));
  work.probes.forget(containers);
  for (const id of plan.remove) await work.runtime.removeContainer(id);
  memory.extraConditions = [{ type: 'AllContainersRestarting', status: 'False' }];
}

/** Sandboxes of before, as soon as none of their containers is needed for the status. The pod does not wait for one that will not go. */
async function removeOldSandboxes(
  { work, wanted, uid }: Pass,
  sandboxes: readonly PodSandbox[],
  containers: readonly RuntimeContainer[],
): Promise<void> {
  const current = currentSandbox(wanted.pod, sandboxes);
  if (!current || sandboxes.length < 2) return;
  const used = new Set(containers.map(({ sandboxId }) => sandboxId));
  for (const { id } of sandboxes)
    if (id !== current.id && !used.has(id))
      await work.runtime
        .removeSandbox(id)
        .catch((error: unknown) => work.logger.warn('Failed to remove sandbox', { podUid: uid, podSandboxID: id, err: error }));
}

/** When the pod has run as long as it may. */
function deadlineOf({ spec, status }: V1Pod): number | undefined {
  const startedMs = Date.parse(status?.startTime ?? '');
  if (spec?.activeDeadlineSeconds === undefined || Number.isNaN(startedMs)) return undefined;
  return startedMs + spec.activeDeadlineSeconds * 1000;
}

export function shortest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}
