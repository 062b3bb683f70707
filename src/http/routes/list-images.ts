/** `POST /v1/lists/{list}/images`: hashes of an image that people confirmed become entries; the image is not kept. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { addImages } from '../../cases/add-images.js';
import { AppError } from '../../core/errors.js';
import { requireRoom } from '../../lists/banks.js';
import type { Service } from '../../service/service.js';
import { storeAs } from '../authorise.js';
import { HoldReason } from '../list-schemas.js';
import { oneOf, Problem } from '../schemas.js';
import { imageBodyOf, readImages } from './check.js';
import type { Needs } from './needs.js';

/** In the terms of a list: a code, or the name of an organisation. */
const TERM_CHARACTERS_MAX = 200;
const about = Type.Optional(Type.String({ minLength: 1, maxLength: TERM_CHARACTERS_MAX }));
const AddQuery = Type.Object({
  category: about,
  severity: about,
  source: about,
  variants: Type.Optional(oneOf(['1', '0', 'true', 'false'])),
});
const count = Type.Integer({ minimum: 0 });
const AddResult = Type.Object({
  list: Type.String(),
  entryId: Type.String(),
  added: count,
  variants: count,
  lowQuality: Type.Boolean(),
  held: Type.Array(HoldReason),
});

export async function listImageRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  readImages(app, service);
  app.post<{ Params: { readonly list: string }; Querystring: Static<typeof AddQuery> }>(
    '/v1/lists/:list/images',
    {
      onRequest: needs('curate'),
      bodyLimit: service.config.imageBytesMax,
      schema: {
        summary: 'Add the hashes and digests of a confirmed image to a list.',
        params: Type.Object({ list: Type.String() }),
        querystring: AddQuery,
        consumes: ['image/*', 'application/octet-stream'],
        response: { 200: AddResult, 202: AddResult, default: Problem },
      },
    },
    async (request, reply) => {
      const { list } = request.params;
      const { variants, ...words } = request.query;
      const images = [{ bytes: imageBodyOf(request) }];
      const { lists } = storeAs(service, request);
      const info = await lists.list(list);
      if (info === null) throw new AppError('LIST_NOT_FOUND', { list });
      await requireRoom(lists, info.tenant, service.config.tenantEntriesMax);
      const { hashParts, whenRoom, config } = service;
      const parts = { hashParts, whenRoom, radiusBits: config.radiusBits, detail: config.detail };
      const isAsked = variants === '1' || variants === 'true';
      const {
        images: [image],
        report,
      } = await addImages(parts, { list, lists, images, about: words, variants: isAsked });
      const { entryId, code, variants: derived, lowQuality } = image!;
      // One that cannot be hashed has no entry, and a list nothing that would find it.
      if (entryId === null) throw new AppError(code ?? 'IMAGE_CORRUPT');
      await service.reload();
      const held = report?.held ?? [];
      reply.code(held.length > 0 ? 202 : 200);
      return { list, entryId, added: report?.added ?? 0, variants: derived, lowQuality, held: [...held] };
    },
  );
}
