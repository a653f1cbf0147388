/** Whether a process leads, in Prometheus' text format, as component-base tells it of every election. */
export function leaderStatusText(leaseName: string, isLeading: boolean): string {
  return [
    '# HELP leader_election_master_status Whether this process holds the lease: 1 does, 0 stands by',
    '# TYPE leader_election_master_status gauge',
    `leader_election_master_status{name="${leaseName}"} ${isLeading ? 1 : 0}`,
    '',
  ].join('\n');
}
