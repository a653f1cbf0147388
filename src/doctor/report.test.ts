import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from './finding.ts';
import { type DoctorReport, reportText } from './report.ts';

const finding = (subject: string, changes: Partial<Finding> = {}): Finding => ({
  ...{ code: 'DOC-514', severity: 'info', message: 'It starts though swap may be on.', evidence: 'failSwapOn false' },
  ...{ remedy: 'swapoff -a', subject },
  ...changes,
});
const report = (findings: readonly Finding[]): DoctorReport => ({
  ...{ kind: 'DoctorReport', server: 'https://x:6443', time: '2026-01-01T00:00:00Z', nodes: 12 },
  ...{ findings, calendar: [], notSeen: [] },
});

test('what is said of many nodes in the same words is said once, with some of their names; what differs stands by itself', () => {
  const alike = Array.from({ length: 11 }, (_, i) => finding(`node/n${i + 1}`));
  const other = finding('node/n12', { evidence: 'failSwapOn false, swap is on' });
  const text = reportText(report([alike[0]!, other, ...alike.slice(1)]));
  assert.equal(
    text,
    `https://x:6443, 12 nodes

INFO DOC-514 node/n1
  and node/n2, node/n3, node/n4, node/n5, node/n6, node/n7, node/n8, node/n9 and 2 more (-o json)
  It starts though swap may be on.
  seen: failSwapOn false
  mend: swapoff -a
  see:  docs/doctor.md#doc-514

INFO DOC-514 node/n12
  It starts though swap may be on.
  seen: failSwapOn false, swap is on
  mend: swapoff -a
  see:  docs/doctor.md#doc-514

0 errors, 0 warnings, 12 remarks
`,
  );
});
