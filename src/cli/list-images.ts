/** `zeef lists add`: hashes of confirmed images become entries. */
import type { Command } from 'commander';
import { addImages } from '../cases/add-images.js';
import type { Entry } from '../core/vocabulary.js';
import { type CliContext, changesOf, EXIT, type GlobalFlags, withService } from './context.js';
import { reportText } from './list-text.js';

/** Add `add` to `lists`, the command of `zeef lists`. */
export function addImagesCommand(lists: Command, program: Command, cli: CliContext): void {
  lists
    .command('add')
    .description('add hashes of images that you confirmed yourself; the images are not kept')
    .argument('<name>')
    .argument('<images...>')
    .option('--category <name>', 'category of the images, in the list’s own terms')
    .option('--severity <name>')
    .option('--source <name>', 'organisation or person that confirmed them')
    .option('--json', 'as JSON')
    .action(
      (name: string, paths: string[], { json, ...about }: Partial<Pick<Entry, 'category'>> & { json?: boolean }) =>
        withService(cli, program.opts<GlobalFlags>(), async (service) => {
          const { hashImage, whenRoom, config } = service;
          const parts = { hashImage, whenRoom, radiusBits: config.radiusBits, detail: config.detail };
          const request = { list: name, lists: changesOf(service).lists, paths, about };
          const { images, report } = await addImages(parts, request);
          if (report?.held.length !== 0 || images.some(({ reason }) => reason !== null)) cli.setExitCode(EXIT.failed);
          const words = images.map(({ path, entryId, reason, lowQuality }) => {
            return `${entryId ?? `not added, ${reason}`}${lowQuality ? ', digests only: low quality' : ''}  ${path}\n`;
          });
          cli.out(
            json ? `${JSON.stringify({ images, report })}\n` : words.join('') + (report ? reportText(report) : ''),
          );
        }),
    );
}
