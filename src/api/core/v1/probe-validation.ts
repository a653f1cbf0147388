/** Probes of containers and what runs at their beginning and end (core/validation validateProbe, validateHandler). */
import type { V1HTTPGetAction, V1Lifecycle, V1LifecycleHandler, V1Probe, V1SleepAction } from '../../gen/types.ts';
import { NOT_NEGATIVE } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkPort } from '../../machinery/ports.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import type { AnyContainer } from './container-defaults.ts';

/** What the pod says that handlers depend on. */
interface HandlerScope {
  /** The pod's own, in seconds. */
  readonly gracePeriod: number | undefined;
  readonly os: string | undefined;
}

const SECOND_HANDLER = 'may not specify more than 1 handler type';
const SCHEMES = ['HTTP', 'HTTPS'];
const HEADER_NAME = '[-A-Za-z0-9]+';
const isHeaderName = new RegExp(`^${HEADER_NAME}$`);

type Handler = V1Probe & V1LifecycleHandler;

/** In upstream's order: the first one given counts, the others are complained about. */
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

function validateHandler(handler: Handler, scope: HandlerScope, path: string, errors: FieldError[]): void {
  let first = true;
  for (const type of HANDLERS) {
    if (handler[type] === undefined) continue;
    if (first) checkHandler(type, handler, scope, `${path}.${type}`, errors);
    else errors.push(forbiddenField(`${path}.${type}`, SECOND_HANDLER));
    first = false;
  }
  if (first) errors.push(requiredField(path, 'must specify a handler type'));
}

function checkHandler(
  type: (typeof HANDLERS)[number],
  handler: Handler,
  scope: HandlerScope,
  path: string,
  errors: FieldError[],
): void {
  switch (type) {
    case 'exec':
      if (!handler.exec!.command?.length) errors.push(requiredField(`${path}.command`));
      break;
    case 'httpGet':
      checkHttpGet(handler.httpGet!, path, errors);
      break;
    case 'tcpSocket':
      addErrors(errors, checkPort(`${path}.port`, handler.tcpSocket!.port));
      break;
    case 'grpc':
      addErrors(errors, checkPort(`${path}.port`, handler.grpc!.port));
      break;
    case 'sleep':
      checkSleep(handler.sleep!, scope, path, errors);
  }
}

function checkHttpGet(
  { path: target, port, scheme = '', httpHeaders }: V1HTTPGetAction,
  path: string,
  errors: FieldError[],
): void {
  if (!target) errors.push(requiredField(`${path}.path`));
  addErrors(errors, checkPort(`${path}.port`, port));
  if (!SCHEMES.includes(scheme)) errors.push(notSupportedField(`${path}.scheme`, scheme, SCHEMES));
  for (const { name } of httpHeaders ?? [])
    if (!isHeaderName.test(name))
      errors.push(
        invalidField(
          `${path}.httpHeaders`,
          name,
          `a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '${HEADER_NAME}')`,
        ),
      );
}

function checkSleep({ seconds }: V1SleepAction, { gracePeriod }: HandlerScope, path: string, errors: FieldError[]): void {
  if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return;
  errors.push(invalidField(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`));
}

const NUMBERS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;

function validateProbe(probe: V1Probe, scope: HandlerScope, path: string, errors: FieldError[]): void {
  validateHandler(probe, scope, path, errors);
  for (const field of NUMBERS)
    if ((probe[field] ?? 0) < 0) errors.push(invalidField(`${path}.${field}`, probe[field], NOT_NEGATIVE));
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    errors.push(invalidField(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
}

/** Complaints about the three probes of a container. */
export function validateProbes(container: AnyContainer, scope: HandlerScope, path: string, errors: FieldError[]): void {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  if (livenessProbe) validateEndingProbe(livenessProbe, scope, `${path}.livenessProbe`, errors);
  if (readinessProbe) {
    validateProbe(readinessProbe, scope, `${path}.readinessProbe`, errors);
    const grace = readinessProbe.terminationGracePeriodSeconds;
    if (grace !== undefined)
      errors.push(
        invalidField(`${path}.readinessProbe.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'),
      );
  }
  if (startupProbe) validateEndingProbe(startupProbe, scope, `${path}.startupProbe`, errors);
}

/** A probe for whose failure a container is ended: one success is enough. */
function validateEndingProbe(probe: V1Probe, scope: HandlerScope, path: string, errors: FieldError[]): void {
  validateProbe(probe, scope, path, errors);
  if (probe.successThreshold !== 1)
    errors.push(invalidField(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
}

export function validateLifecycle(lifecycle: V1Lifecycle, scope: HandlerScope, path: string, errors: FieldError[]): void {
  if (lifecycle.postStart) validateHandler(lifecycle.postStart, scope, `${path}.postStart`, errors);
  if (lifecycle.preStop) validateHandler(lifecycle.preStop, scope, `${path}.preStop`, errors);
  if (lifecycle.stopSignal !== undefined) checkStopSignal(lifecycle.stopSignal, scope.os, `${path}.stopSignal`, errors);
}

const LINUX_SIGNAL =
  /^SIG(ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?)$/;
const WINDOWS_SIGNALS = ['SIGKILL', 'SIGTERM'];

/** Signals are an operating system's. */
function checkStopSignal(signal: string, os: string | undefined, field: string, errors: FieldError[]): void {
  if (os === undefined) errors.push(forbiddenField(field, 'may not be set for containers with empty `spec.os.name`'));
  else if (os === 'windows' && !WINDOWS_SIGNALS.includes(signal)) errors.push(notSupportedField(field, signal, WINDOWS_SIGNALS));
  else if (os === 'linux' && !LINUX_SIGNAL.test(signal)) errors.push(invalidField(field, signal, 'not a valid stop signal'));
}
