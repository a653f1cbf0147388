/** Where a host keeps what was installed on it, what was there before, and by what each unit was last started. */
export const JOURNAL = '/var/lib/muster/deploy';

/** What was made, a line each: is there as long as something of it is. */
export const INSTALLED = `${JOURNAL}/installed`;

/** Is there on a host whose member of etcd was taken out, until it is added again. */
export const ETCD_LEFT = `${JOURNAL}/etcd-left`;
