import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeOf } from '../../../test/harness/admission.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { type Logger, silentLogger } from '../../std/logger.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { createAdmissionChain } from './admission-chain.ts';
import { choosePlugins, PLUGIN_ORDER } from './admission-plugins.ts';

test('the plugins of the runbook run in upstream\u2019s order beside the default ones', () => {
  const names = choosePlugins({
    enable: ['NodeRestriction', 'ResourceQuota', 'LimitRanger', 'ServiceAccount', 'DefaultStorageClass', 'NamespaceLifecycle'],
  });
  assert.ok(names.includes('NodeRestriction') && names.includes('Priority'));
  assert.deepEqual(
    names,
    PLUGIN_ORDER.filter((name) => names.includes(name)),
  );
});

test('NodeRestriction runs only when asked for, and defaults can be switched off', () => {
  assert.ok(!choosePlugins({}).includes('NodeRestriction'));
  assert.ok(!choosePlugins({ disable: ['ServiceAccount'] }).includes('ServiceAccount'));
});

test('--admission-control is the whole list', () => {
  assert.deepEqual(choosePlugins({ only: ['ServiceAccount', 'NamespaceLifecycle'] }), ['NamespaceLifecycle', 'ServiceAccount']);
});

for (const [choice, message] of [
  [{ enable: ['Nonsense'] }, /--enable-admission-plugins: enable-admission-plugins plugin "Nonsense" is unknown/],
  [{ disable: ['nodeRestriction'] }, /--disable-admission-plugins: .*"nodeRestriction" is unknown/],
  [
    { enable: ['Priority'], disable: ['Priority'] },
    /\[Priority\] in enable-admission-plugins and disable-admission-plugins overlapped/,
  ],
  [{ only: ['Priority'], enable: ['Priority'] }, /mutually exclusive/],
] as const) {
  test(`${JSON.stringify(choice)} is refused`, () => assert.throws(() => choosePlugins(choice), message));
}

function recording(name: string, log: string[]): [string, () => AdmissionPlugin] {
  const note = (phase: string) => async () => void log.push(`${phase} ${name}`);
  return [name, () => ({ name, handles: () => true, admit: note('admit'), validate: note('validate') })];
}

test('all that change come before all that check, and what is always checked comes before what may charge for it', async () => {
  const log: string[] = [];
  const chain = createAdmissionChain({
    available: new Map([recording('ServiceAccount', log), recording('NamespaceLifecycle', log)]),
    always: [recording('Escalation', log)[1]()],
    logger: silentLogger,
  });
  const write = writeOf({ kind: podKind, object: { metadata: { name: 'p' } } });
  await chain.admit(write);
  await chain.validate(write);
  const order = ['Escalation', 'NamespaceLifecycle', 'ServiceAccount'];
  assert.deepEqual(log, [...order.map((name) => `admit ${name}`), ...order.map((name) => `validate ${name}`)]);
});

test('a plugin that is asked for and not here is refused: what it would have kept out would come in', () => {
  const choose = (choice: object) => createAdmissionChain({ ...choice, available: new Map(), always: [], logger: silentLogger });
  assert.throws(
    () => choose({ enable: ['PodSecurityPolicy'] }),
    /--enable-admission-plugins: not offered here: PodSecurityPolicy/,
  );
  assert.throws(() => choose({ only: ['ImagePolicyWebhook'] }), /--admission-control: not offered here: ImagePolicyWebhook/);
});

test('plugins that would do nothing are named in one warning, those of the default set in none', () => {
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
  createAdmissionChain({ enable: ['JobValidation', 'PVCProtection'], available: new Map(), always: [], logger });
  assert.deepEqual(warnings, ['Admission plugins without effect here: JobValidation, PVCProtection']);
});
