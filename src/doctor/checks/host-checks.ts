/** What hosts show that were looked at themselves: keys, links, units and the files that these name. */

import { shellWord } from '../../std/shell-word.ts';
import type { Finding } from '../finding.ts';
import type { HostObservations, HostUnit } from '../observations.ts';
import type { Check } from './check.ts';

export const checkHosts: Check = ({ hosts }) =>
  hosts.flatMap((host) => [
    ...checkFiles(host),
    ...host.units.flatMap((unit) => (isFirst(unit, host) ? checkUnit(unit, host) : [])),
    ...checkKubeletUnits(host),
    ...checkPauseImages(host),
  ]);

/** systemd takes the first of several files of one name. */
const isFirst = (unit: HostUnit, { units }: HostObservations) =>
  units.find(({ component }) => component === unit.component) === unit;
const unitOf = (component: string, { units }: HostObservations) => units.find((unit) => unit.component === component);
const subjectOf = ({ prefix }: HostObservations, path: string) => `file/${prefix}${path}`;

function checkFiles(host: HostObservations): Finding[] {
  const findings: Finding[] = [];
  if (host.swapAreas.length > 0)
    findings.push({
      ...{ code: 'DOC-801', severity: 'warning', subject: `host/${host.hostName}` },
      message: 'Swap is on: a kubelet with failSwapOn does not start.',
      ...{ evidence: host.swapAreas.join(', '), remedy: 'swapoff -a, and take it out of /etc/fstab' },
    });
  for (const { path, mode, owner } of host.keys) {
    // With an access list the group's place shows the most that anybody of the list may.
    const group = mode.slice(4, 7) !== '---' && !mode.endsWith('+');
    const others = mode.slice(7, 10) !== '---';
    if (!group && !others) continue;
    findings.push({
      ...{ code: 'DOC-802', severity: others ? 'error' : 'info', subject: subjectOf(host, path) },
      message: `A private key may be read by ${others ? 'everybody on its host' : "its owner's group"}.`,
      evidence: `${mode} ${owner} ${path}`,
      // Who runs as another user than root may read it by its group.
      remedy: others
        ? `chmod o= ${shellWord(path)}`
        : `chmod 600 ${shellWord(path)}, unless what reads it runs as that group (User= of its unit)`,
    });
  }
  for (const path of host.brokenLinks)
    findings.push({
      ...{ code: 'DOC-803', severity: 'error', subject: `file/${path}` },
      message: 'A link to the current certificate leads nowhere: the kubelet cannot start with it.',
      ...{ evidence: path, remedy: 'link it to the newest file beside it, or let the node join anew' },
    });
  return findings;
}

function checkPauseImages({ hostName, pauseImages: { runtime, kubelet } }: HostObservations): Finding[] {
  if (runtime === undefined || kubelet === undefined || runtime === kubelet) return [];
  return [
    {
      ...{ code: 'DOC-804', severity: 'warning', subject: `host/${hostName}` },
      message: 'The kubelet protects another pause image from clean-up than the runtime uses.',
      ...{
        evidence: `containerd ${runtime}, kubelet ${kubelet}`,
        remedy: 'set sandbox_image of containerd and --pod-infra-container-image to the same image',
      },
    },
  ];
}

function checkKubeletUnits(host: HostObservations): Finding[] {
  const findings: Finding[] = [];
  const [unit, ...others] = host.units.filter(({ component }) => component === 'kubelet');
  if (unit?.whole && unit.flags.has('bootstrap-kubeconfig') && !unit.flags.has('kubeconfig'))
    findings.push({
      ...{ code: 'DOC-805', severity: 'error', subject: subjectOf(host, unit.path) },
      message: 'A kubelet is told how to join and not where to put what it gets: it does not start to bootstrap.',
      ...{
        evidence: '--bootstrap-kubeconfig without --kubeconfig',
        remedy: 'give it --kubeconfig=/etc/kubernetes/kubelet.kubeconfig too',
      },
    });
  for (const other of unit ? others : [])
    findings.push({
      ...{ code: 'DOC-806', severity: 'info', subject: subjectOf(host, other.path) },
      message: 'There are two units of the kubelet; changes to the second one have no effect.',
      ...{ evidence: `${unit!.path} counts before ${other.path}`, remedy: `keep one of them; then: systemctl daemon-reload` },
    });
  return findings;
}

/** Files that a component makes itself, or needs only until it has others. */
const MADE_LATER = new Set(['kubelet kubeconfig', 'kubelet bootstrap-kubeconfig', 'kubelet tls-cert-file']);

function checkUnit(unit: HostUnit, host: HostObservations): Finding[] {
  const findings: Finding[] = [];
  const subject = subjectOf(host, unit.path);
  const add = (code: Finding['code'], severity: Finding['severity'], message: string, evidence: string, remedy: string) =>
    findings.push({ code, severity, subject, message, evidence, remedy });
  if (unit.lost.length > 0)
    add(
      'DOC-807',
      'error',
      'A unit’s command ends before its last line: a line lacks the backslash at its end, and systemd drops what follows.',
      `not reached: ${unit.lost.join(', ')}`,
      'put a backslash at the end of the line before; then: systemctl daemon-reload, restart',
    );
  const signing = unit.component === 'kube-controller-manager' ? unit.flags.get('cluster-signing-cert-file') : undefined;
  const signer = signing && host.certificates.find(({ where }) => where === host.prefix + signing);
  if (signer && !signer.isCa)
    add(
      'DOC-808',
      'error',
      'The signer of node certificates is given a certificate that is no authority: what it issues is trusted by nobody.',
      `--cluster-signing-cert-file=${signing}: ${signer.subject}`,
      'give it the authority’s certificate and key (ca.pem, ca-key.pem)',
    );
  for (const { flag, path } of host.missing.filter((file) => file.unit === unit.path))
    if (!MADE_LATER.has(`${unit.component} ${flag}`))
      add(
        'DOC-809',
        'error',
        'A unit names a file that is not there: the component does not start.',
        `${flag} ${path}`,
        `put the file there, or correct the flag; then: systemctl daemon-reload, systemctl restart ${unit.component}`,
      );
  const named = new Set(unit.flags.values());
  for (const { path, mode, owner } of host.keys)
    if (unit.user && unit.user !== 'root' && unit.user !== owner && named.has(path) && /^-...------$|^-...------\.$/.test(mode))
      add(
        'DOC-810',
        'error',
        'A component runs as a user who may not read a key that it is given: it does not start.',
        `User=${unit.user}; ${mode} ${owner} ${path}`,
        `setfacl -m u:${unit.user}:r ${path}, or make ${unit.user} its owner`,
      );
  if (
    unit.whole &&
    ['maxage', 'maxbackup', 'maxsize'].some((end) => unit.flags.has(`audit-log-${end}`)) &&
    !unit.flags.has('audit-log-path')
  )
    add(
      'DOC-811',
      'info',
      'The audit log has limits and no file: nothing is written.',
      '--audit-log-max… without --audit-log-path',
      'add --audit-log-path and --audit-policy-file, or leave the limits out',
    );
  if (unit.component === 'kube-proxy') {
    const own = unit.flags.get('hostname-override') || text(host.proxyFile?.settings['hostnameOverride']);
    const kubelet = unitOf('kubelet', host);
    const other = kubelet?.flags.get('hostname-override');
    if (own && other && kubelet?.whole && unit.whole && own !== other)
      add(
        'DOC-812',
        'error',
        'kube-proxy and the kubelet have different names for their node: kube-proxy does not find it, and keeps no local Services.',
        `kube-proxy ${own}, kubelet ${other}`,
        'give both the same name; the kubelet’s is the Node’s',
      );
  }
  return findings;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
