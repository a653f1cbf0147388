/** Where a host keeps what was installed on it, what was there before, and by what each unit was last started. */
export const JOURNAL = '/var/lib/muster/deploy';

/** What was made, a line each: is there as long as something of it is. */
export const INSTALLED = `${JOURNAL}/installed`;
