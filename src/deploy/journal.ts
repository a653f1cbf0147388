/** Where a host keeps what was installed on it, what was there before, and by what each unit was last started. */
export const JOURNAL = '/var/lib/muster/deploy';
