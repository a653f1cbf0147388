import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const { complaints } = specimensOf(podKind);
const c = { name: 'c', image: 'i' };
/** Against a pod of one container. */
const against = (container: object, spec: object = {}) => complaints({ spec: { containers: [{ ...c, ...container }], ...spec } });
const AT = 'spec.containers[0]';
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

test('a plain container has nothing said against it', () => {
  assert.deepEqual(against({}), []);
});

test('containers have names of their own and images', () => {
  assert.deepEqual(complaints({ spec: { containers: [] } }), ['spec.containers: Required value']);
  assert.deepEqual(against({ name: '' }), [`${AT}.name: Required value`]);
  assert.deepEqual(against({ name: 'UP' }), [`${AT}.name: Invalid value: "UP": ${LABEL}`]);
  assert.deepEqual(against({ image: '' }), [`${AT}.image: Required value`]);
  assert.deepEqual(against({ image: ' i' }), [`${AT}.image: Invalid value: " i": must not have leading or trailing whitespace`]);
  assert.deepEqual(complaints({ spec: { containers: [c, c] } }), ['spec.containers[1].name: Duplicate value: "c"']);
  assert.deepEqual(complaints({ spec: { containers: [c], initContainers: [c] } }), [
    'spec.initContainers[0].name: Duplicate value: "c"',
  ]);
});

test('enumerated words of a container are known ones', () => {
  assert.deepEqual(against({ imagePullPolicy: 'Sometimes' }), [
    `${AT}.imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"`,
  ]);
  assert.deepEqual(against({ terminationMessagePolicy: 'Loud' }), [
    `${AT}.terminationMessagePolicy: Unsupported value: "Loud": supported values: "File", "FallbackToLogsOnError"`,
  ]);
});

test('ports are numbers, named once and taken once', () => {
  const port = (...ports: object[]) => against({ ports });
  assert.deepEqual(port({ containerPort: 0 }), [`${AT}.ports[0].containerPort: Required value`]);
  assert.deepEqual(port({ containerPort: 65536 }), [
    `${AT}.ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive`,
  ]);
  assert.deepEqual(port({ containerPort: 1, hostPort: 70000 }), [
    `${AT}.ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
  ]);
  assert.deepEqual(port({ containerPort: 1, protocol: 'ICMP' }), [
    `${AT}.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"`,
  ]);
  assert.deepEqual(port({ containerPort: 1, name: 'UPPER' }), [
    `${AT}.ports[0].name: Invalid value: "UPPER": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
    `${AT}.ports[0].name: Invalid value: "UPPER": must contain at least one letter (a-z)`,
  ]);
  assert.deepEqual(port({ containerPort: 1, name: 'a' }, { containerPort: 2, name: 'a' }), [
    `${AT}.ports[1].name: Duplicate value: "a"`,
  ]);
  assert.deepEqual(port({ containerPort: 1, hostPort: 9 }, { containerPort: 2, hostPort: 9 }), [
    `${AT}.ports[1].hostPort: Duplicate value: "TCP//9"`,
  ]);
});

test('environments name variables, and one source for each', () => {
  const env = (...list: object[]) => against({ env: list });
  assert.deepEqual(env({ name: '', value: 'x' }), [`${AT}.env[0].name: Required value`]);
  assert.deepEqual(env({ name: 'a=b', value: 'x' }), [
    `${AT}.env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='`,
  ]);
  assert.deepEqual(env({ name: 'A', valueFrom: {} }), [
    `${AT}.env[0].valueFrom: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\`, \`secretKeyRef\` or \`fileKeyRef\``,
  ]);
  assert.deepEqual(env({ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }), [
    `${AT}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
  ]);
  assert.deepEqual(env({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.whoops' } } }), [
    `${AT}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.whoops": error converting fieldPath: field label not supported: metadata.whoops`,
  ]);
  assert.deepEqual(env({ name: 'A', valueFrom: { secretKeyRef: { name: 's' } } }), [
    `${AT}.env[0].valueFrom.secretKeyRef.key: Required value`,
  ]);
  assert.deepEqual(against({ envFrom: [{}] }), [
    `${AT}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``,
  ]);
});

test('handlers say one thing to do', () => {
  const probe = (livenessProbe: object) => against({ livenessProbe });
  const exec = { exec: { command: ['x'] } };
  assert.deepEqual(probe({}), [`${AT}.livenessProbe: Required value: must specify a handler type`]);
  assert.deepEqual(probe({ ...exec, tcpSocket: { port: 1 } }), [
    `${AT}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
  ]);
  assert.deepEqual(probe({ exec: { command: [] } }), [`${AT}.livenessProbe.exec.command: Required value`]);
  assert.deepEqual(probe({ httpGet: { port: 'UP' } }), [
    `${AT}.livenessProbe.httpGet.port: Invalid value: "UP": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
    `${AT}.livenessProbe.httpGet.port: Invalid value: "UP": must contain at least one letter (a-z)`,
  ]);
  assert.deepEqual(probe({ tcpSocket: { port: 0 } }), [
    `${AT}.livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive`,
  ]);
  assert.deepEqual(probe({ ...exec, successThreshold: 2 }), [
    `${AT}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
  ]);
  assert.deepEqual(probe({ ...exec, periodSeconds: -1 }), [
    `${AT}.livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0`,
  ]);
  assert.deepEqual(against({ readinessProbe: { ...exec, terminationGracePeriodSeconds: 1 } }), [
    `${AT}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes`,
  ]);
  assert.deepEqual(against({ lifecycle: { preStop: {} } }), [
    `${AT}.lifecycle.preStop: Required value: must specify a handler type`,
  ]);
});

test('only containers that stay have probes and a lifecycle', () => {
  const init = (container: object) =>
    complaints({ spec: { containers: [c], initContainers: [{ ...c, name: 'i', ...container }] } });
  const at = 'spec.initContainers[0]';
  const livenessProbe = { exec: { command: ['x'] } };
  assert.deepEqual(init({ livenessProbe }), [
    `${at}.livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always`,
  ]);
  assert.deepEqual(init({ lifecycle: { postStart: livenessProbe } }), [
    `${at}.lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always`,
  ]);
  assert.deepEqual(init({ livenessProbe, restartPolicy: 'Always' }), []);
});

test('mounts name a volume of the pod, and a place of their own', () => {
  const volumes = [{ name: 'v', emptyDir: {} }];
  const mount = (...volumeMounts: object[]) => against({ volumeMounts }, { volumes });
  assert.deepEqual(mount({ name: 'v', mountPath: '/a' }), []);
  assert.deepEqual(mount({ name: 'w', mountPath: '/a' }), [`${AT}.volumeMounts[0].name: Not found: "w"`]);
  assert.deepEqual(mount({ name: 'v', mountPath: '' }), [`${AT}.volumeMounts[0].mountPath: Required value`]);
  assert.deepEqual(mount({ name: 'v', mountPath: '/a' }, { name: 'v', mountPath: '/a' }), [
    `${AT}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`,
  ]);
  assert.deepEqual(mount({ name: 'v', mountPath: '/a', subPath: '../up' }), [
    `${AT}.volumeMounts.subPath: Invalid value: "../up": must not contain '..'`,
  ]);
  assert.deepEqual(mount({ name: 'v', mountPath: '/a', subPath: '/abs' }), [
    `${AT}.volumeMounts.subPath: Invalid value: "/abs": must be a relative path`,
  ]);
  assert.deepEqual(mount({ name: 'v', mountPath: '/a', subPath: 'x', subPathExpr: 'y' }), [
    `${AT}.volumeMounts[0].subPathExpr: Invalid value: "y": subPathExpr and subPath are mutually exclusive`,
  ]);
});

test('ephemeral containers and sidecars keep their rules', () => {
  assert.deepEqual(against({ restartPolicy: 'Sometimes' }), [
    `${AT}.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"`,
  ]);
  const { spec } = specimensOf(podKind).created({
    spec: { containers: [c], ephemeralContainers: [{ name: 'e', image: 'i' }] },
  }) as unknown as {
    spec: { ephemeralContainers?: object[] };
  };
  assert.ok(spec.ephemeralContainers, 'they are left, to be refused');
  assert.deepEqual(complaints({ spec: { containers: [c], ephemeralContainers: [{ name: 'e', image: 'i' }] } }), [
    'spec.ephemeralContainers: Forbidden: cannot be set on create',
  ]);
});

test('a pod that begins nothing anew resizes without it, and says whose policy it is', () => {
  const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
  assert.deepEqual(against({ resizePolicy }, { restartPolicy: 'Never' }), [
    `${AT}.resizePolicy: Invalid value: "RestartContainer": must be 'NotRequired' when pod \`restartPolicy\` is 'Never'`,
  ]);
});

test('rules for an end without a policy are looked at only where containers stay', () => {
  const restartPolicyRules = [{ action: 'Odd', exitCodes: { operator: 'In', values: [1] } }];
  const needed = 'restartPolicy: Required value: must specify restartPolicy when restart rules are used';
  assert.deepEqual(against({ restartPolicyRules }), [
    `${AT}.${needed}`,
    `${AT}.restartPolicyRules[0].action: Unsupported value: "Odd": supported values: "Restart", "RestartAllContainers"`,
  ]);
  assert.deepEqual(complaints({ spec: { containers: [c], initContainers: [{ ...c, name: 'd', restartPolicyRules }] } }), [
    `spec.initContainers[0].${needed}`,
  ]);
});

test('a file of variables may lie anywhere but above', () => {
  const file = (path: string) =>
    against(
      { env: [{ name: 'E', valueFrom: { fileKeyRef: { volumeName: 'v', path, key: 'K' } } }] },
      { volumes: [{ name: 'v', emptyDir: {} }] },
    );
  for (const path of ['a', '..a', '/a']) assert.deepEqual(file(path), [], path);
  assert.deepEqual(file('a/../b'), [`${AT}.env[0].valueFrom.fileKeyRef.path: Invalid value: "a/../b": must not contain '..'`]);
});
