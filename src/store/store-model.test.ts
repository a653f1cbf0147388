import { testAgainstModel } from './contract/model-contract.ts';
import { memoryDriver } from './memory/memory-driver.ts';
import { sqliteDriver } from './sqlite/sqlite-driver.ts';

testAgainstModel(memoryDriver, 300);
testAgainstModel(sqliteDriver(), 30);
testAgainstModel({ ...sqliteDriver({ logBytes: 32 * 1024 }), name: 'sqlite with constant checkpoints' }, 15);
