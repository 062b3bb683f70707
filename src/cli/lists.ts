/** `zeef lists ...`: hash lists in the store. Each file adds the commands of one purpose. */
import type { Command } from 'commander';
import type { CliContext } from './context.js';
import { addKeyRotationCommand } from './key-rotation.js';
import { addContentsCommands } from './list-contents.js';
import { addExportCommand } from './list-export.js';
import { addFeedbackCommand } from './list-feedback.js';
import { addImagesCommand } from './list-images.js';
import { addImportCommand } from './list-import.js';
import { addQuarantineCommands } from './list-quarantine.js';
import { addRenameCommand } from './list-rename.js';
import { addSettingsCommand } from './list-settings.js';
import { addSwitchCommands } from './list-switches.js';
import { addVersionCommands } from './list-versions.js';
import { addSourceCommands } from './sources.js';

/** Add `zeef lists` to `program`. The order of the calls is the order of `zeef lists --help`. */
export function addListCommands(program: Command, cli: CliContext): void {
  const lists = program.command('lists').description('hash lists');
  addSourceCommands(lists, program, cli);
  addImportCommand(lists, program, cli);
  addContentsCommands(lists, program, cli);
  addSettingsCommand(lists, program, cli);
  addRenameCommand(lists, program, cli);
  addVersionCommands(lists, program, cli);
  addQuarantineCommands(lists, program, cli);
  addSwitchCommands(lists, program, cli);
  addExportCommand(lists, program, cli);
  addFeedbackCommand(lists, program, cli);
  addKeyRotationCommand(lists, program, cli);
  addImagesCommand(lists, program, cli);
}
