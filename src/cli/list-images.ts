/** `zeef lists add`: hashes of confirmed images become entries. */
import type { Command } from 'commander';
import { addImages } from '../cases/add-images.js';
import type { Entry } from '../core/vocabulary.js';
import { type CliContext, changesOf, EXIT, type GlobalFlags, withService } from './context.js';
import { reportText } from './list-text.js';

interface AddFlags extends Partial<Pick<Entry, 'category' | 'severity' | 'source'>> {
  readonly variants?: boolean;
  readonly json?: boolean;
}

type AddedImage = Awaited<ReturnType<typeof addImages>>['images'][number];

/** `asked`: for variants. */
function imageText({ path, entryId, reason, lowQuality, variants, inactive }: AddedImage, asked: boolean): string {
  const low = lowQuality ? ', digests only: low quality' : '';
  const why = inactive ? ': the entry is disabled or in quarantine' : '';
  const derived = asked && entryId !== null && !lowQuality ? `, ${variants} variants${why}` : '';
  return `${entryId ?? `not added, ${reason}`}${low}${derived}  ${path ?? ''}\n`;
}

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
    .option('--variants', 'also hashes of parts of each image, so that cropped and rotated copies of it match')
    .option('--json', 'as JSON')
    .action((name: string, paths: string[], { json, variants = false, ...about }: AddFlags) =>
      withService(cli, program.opts<GlobalFlags>(), async (service) => {
        const { hashParts, whenRoom, config } = service;
        const parts = { hashParts, whenRoom, radiusBits: config.radiusBits, detail: config.detail };
        const given = paths.map((path) => ({ path }));
        const request = { list: name, lists: changesOf(service).lists, images: given, about, variants };
        const { images, report } = await addImages(parts, request);
        if (report?.held.length !== 0 || images.some(({ reason }) => reason !== null)) cli.setExitCode(EXIT.failed);
        const words = images.map((image) => imageText(image, variants));
        cli.out(json ? `${JSON.stringify({ images, report })}\n` : words.join('') + (report ? reportText(report) : ''));
      }),
    );
}
