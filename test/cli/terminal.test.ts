/** Output on a terminal: what redraws a line does, and what came from outside does not. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { shellWord } from '../../src/core/shell.js';
import { orLeftOut } from '../support/left-out.js';

const MAIN = artefact('src', 'main.js');
/** `script` of util-linux gives a command a terminal. */
const hasScript = orLeftOut(
  process.platform === 'linux' && spawnSync('script', ['--version']).status === 0,
  'There is no script of util-linux',
  'tests on a terminal',
);

test.runIf(hasScript)(
  'the progress of a scan redraws one line, and names escape what would control the terminal',
  () => {
    const [folder, dataDir] = [tempFolder('terminal'), tempFolder('terminal-data')];
    for (let n = 0; n < 40; n++) mkdirSync(join(folder, `${n}`));
    writeFileSync(join(folder, 'red \x1b[31m \u202e.jpg'), Buffer.from('ffd8ffe0', 'hex'));
    const command = [process.execPath, MAIN, '--data-dir', dataDir, 'scan', folder, '--max-rate', '1'];
    const args = ['-qec', command.map(shellWord).join(' '), '/dev/null'];
    const env = childEnv({ TERM: 'xterm', COLUMNS: '80' });
    const { stdout } = spawnSync('script', args, { env, encoding: 'utf8', timeout: 60_000 });
    expect(stdout).toContain('\r\x1b[K');
    expect(stdout).not.toContain('\\u001b[K');
    expect(stdout).not.toContain('\x1b[31m');
    expect(stdout).not.toContain('\u202e');
    expect(stdout).toContain('\\x1b[31m');
  },
);
